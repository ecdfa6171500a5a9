# What a small team has: one database for the application, one for reports, a group that may reach them.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {} # region, keys and endpoint come from the environment, as `howdah env` sets it

variable "password" { sensitive = true }
variable "changed" {
  type    = bool
  default = false
}

data "aws_caller_identity" "me" {}
data "aws_vpc" "default" { default = true }
data "aws_availability_zones" "here" { state = "available" }
data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}
data "aws_rds_engine_version" "postgres" {
  engine       = "postgres"
  default_only = true
}

resource "aws_security_group" "app" {
  name        = "app"
  description = "the application"
  vpc_id      = data.aws_vpc.default.id
}

resource "aws_security_group" "db" {
  name   = "db"
  vpc_id = data.aws_vpc.default.id
  ingress {
    description = "from this machine"
    protocol    = "tcp"
    from_port   = 5432
    to_port     = 5432
    cidr_blocks = var.changed ? ["127.0.0.0/8", "10.1.0.0/16"] : ["127.0.0.0/8"]
  }
  ingress {
    protocol        = "tcp"
    from_port       = 5432
    to_port         = 5432
    security_groups = [aws_security_group.app.id]
  }
  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
  tags = { Name = "db" }
}

resource "aws_vpc_security_group_ingress_rule" "admin" {
  security_group_id = aws_security_group.app.id
  description       = var.changed ? "new words" : "administrators"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = "192.0.2.0/24"
}

resource "aws_db_subnet_group" "db" {
  name        = "db"
  description = var.changed ? "changed" : "all zones"
  subnet_ids  = data.aws_subnets.default.ids
}

resource "aws_db_instance" "app" {
  identifier                   = "app"
  engine                       = "postgres"
  engine_version               = data.aws_rds_engine_version.postgres.version_actual
  instance_class               = var.changed ? "db.t3.small" : "db.t3.micro"
  allocated_storage            = 20
  max_allocated_storage        = 100
  storage_type                 = "gp3"
  storage_encrypted            = true
  db_name                      = "app"
  username                     = "app_owner"
  password                     = var.password
  port                         = 5432
  db_subnet_group_name         = aws_db_subnet_group.db.name
  vpc_security_group_ids       = [aws_security_group.db.id]
  backup_retention_period      = var.changed ? 14 : 7
  backup_window                = var.changed ? "02:00-02:30" : "03:00-03:30"
  maintenance_window           = var.changed ? "wed:05:00-wed:05:30" : "tue:05:00-tue:05:30"
  auto_minor_version_upgrade   = !var.changed
  copy_tags_to_snapshot        = true
  deletion_protection          = var.changed
  performance_insights_enabled = true
  skip_final_snapshot          = true
  apply_immediately            = true
  tags                         = var.changed ? { team = "data", stage = "prod" } : { team = "data" }
}

resource "aws_db_instance" "reports" {
  identifier             = var.changed ? "reports2" : "reports"
  engine                 = "postgres"
  instance_class         = "db.t3.micro"
  allocated_storage      = 20
  username               = "reader"
  password               = var.password
  vpc_security_group_ids = [aws_security_group.db.id]
  skip_final_snapshot    = true
  apply_immediately      = true
}

output "account" { value = data.aws_caller_identity.me.account_id }
output "zones" { value = data.aws_availability_zones.here.names }
output "app" { value = aws_db_instance.app.address }
output "reports" { value = aws_db_instance.reports.address }
output "arn" { value = aws_db_instance.app.arn }
