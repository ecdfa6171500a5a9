# A VPC of one's own with what a database needs of it, every kind of security group rule the provider has, and what reads it.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {} # region, keys and endpoint come from the environment, as `howdah env` sets it

variable "changed" {
  type    = bool
  default = false
}

data "aws_availability_zones" "here" { state = "available" }

resource "aws_vpc" "net" {
  cidr_block           = "10.40.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = var.changed ? "net2" : "net" }
}

resource "aws_subnet" "db" {
  count                   = 2
  vpc_id                  = aws_vpc.net.id
  cidr_block              = "10.40.${count.index}.0/24"
  availability_zone       = data.aws_availability_zones.here.names[count.index]
  map_public_ip_on_launch = true
  tags                    = { tier = "db" }
}

resource "aws_default_security_group" "empty" {
  vpc_id = aws_vpc.net.id
}

resource "aws_security_group" "app" {
  name   = "app"
  vpc_id = aws_vpc.net.id
  ingress {
    description      = "ssh"
    from_port        = 22
    to_port          = 22
    protocol         = "tcp"
    cidr_blocks      = var.changed ? ["1.1.1.1/32", "3.3.3.3/32"] : ["1.1.1.1/32", "2.2.2.2/32"]
    ipv6_cidr_blocks = ["2001:db8::/64"]
  }
  egress {
    from_port        = 0
    to_port          = 0
    protocol         = "-1"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
  tags = { k = "v" }
}

resource "aws_security_group" "db" {
  name   = "db"
  vpc_id = aws_vpc.net.id
}

resource "aws_vpc_security_group_ingress_rule" "app" {
  security_group_id            = aws_security_group.db.id
  referenced_security_group_id = aws_security_group.app.id
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
  description                  = var.changed ? "two" : "one"
  tags                         = { x = "y" }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.db.id
  cidr_ipv4         = var.changed ? "10.0.0.0/8" : "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_security_group_rule" "itself" {
  type              = "ingress"
  security_group_id = aws_security_group.db.id
  from_port         = 443
  to_port           = 443
  protocol          = "tcp"
  self              = true
}

resource "aws_security_group_rule" "ping" {
  type              = "ingress"
  security_group_id = aws_security_group.db.id
  from_port         = -1
  to_port           = -1
  protocol          = "icmp"
  cidr_blocks       = ["10.0.0.0/8"]
}

resource "aws_db_subnet_group" "db" {
  name       = "db"
  subnet_ids = aws_subnet.db[*].id
  tags       = { t = var.changed ? "2" : "1" }
}

data "aws_vpc" "net" { id = aws_vpc.net.id }
data "aws_subnet" "first" { id = aws_subnet.db[0].id }
data "aws_db_subnet_group" "db" { name = aws_db_subnet_group.db.name }
data "aws_region" "here" {}

data "aws_security_groups" "all" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.net.id]
  }
  depends_on = [aws_security_group.app, aws_security_group.db]
}

output "groups" { value = length(data.aws_security_groups.all.ids) }
output "rule" { value = aws_vpc_security_group_egress_rule.all.security_group_rule_id }
output "coverage" { value = data.aws_db_subnet_group.db.status }
