# A restore as it is done by infrastructure as code: the instance is replaced by one made from a snapshot (the new one
# first, the old one goes with a final snapshot), and two others are made from the past of an instance.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {}

variable "password" { sensitive = true }
variable "snapshot" {
  type     = string
  nullable = true
  default  = null
}
variable "source_name" {}
variable "source_resource" {}
variable "instant" {}

resource "aws_db_instance" "app" {
  identifier_prefix         = "app-"
  snapshot_identifier       = var.snapshot
  engine                    = "postgres"
  instance_class            = "db.t3.micro"
  allocated_storage         = 20
  db_name                   = var.snapshot == null ? "app" : null
  username                  = var.snapshot == null ? "root1" : null
  password                  = var.password
  backup_retention_period   = 7
  copy_tags_to_snapshot     = true
  final_snapshot_identifier = var.snapshot == null ? "app-before" : "app-after"
  skip_final_snapshot       = false
  apply_immediately         = true
  tags                      = { team = "data" }
  lifecycle { create_before_destroy = true }
}

resource "aws_db_instance" "latest" {
  identifier          = "latest"
  instance_class      = "db.t3.micro"
  password            = var.password
  skip_final_snapshot = true
  restore_to_point_in_time {
    source_db_instance_identifier = var.source_name
    use_latest_restorable_time    = true
  }
}

resource "aws_db_instance" "moment" {
  identifier          = "moment" # with the source's retention period: the provider sends none
  instance_class      = "db.t3.small"
  skip_final_snapshot = true
  apply_immediately   = true
  restore_to_point_in_time {
    source_dbi_resource_id = var.source_resource
    restore_time           = var.instant
  }
}

output "app" { value = aws_db_instance.app.address }
output "app_name" { value = aws_db_instance.app.identifier }
output "latest" { value = aws_db_instance.latest.address }
output "moment" { value = aws_db_instance.moment.address }
