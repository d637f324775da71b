# One weighted pair under Terraform, whose weights sluice moves. Terraform makes the two sets and sets the first weights;
# with ignore_changes it does not put them back at its next apply, which would move users and make a running ramp hold.
#
# Route 53 has the weights in force: `sluice status`, or `aws route53 list-resource-record-sets`. When the cutover is over,
# write the weights that stand into this file and take the lifecycle blocks out.
#
# The TXT record _sluice.example.com is sluice's lease. Leave it out of Terraform.

variable "zone_id" {
  type = string
}

resource "aws_route53_record" "www_old" {
  zone_id        = var.zone_id
  name           = "www.example.com"
  type           = "CNAME"
  ttl            = 60
  records        = ["shop.herokudns.example."]
  set_identifier = "heroku" # sides.old.set in the plan

  weighted_routing_policy {
    weight = 100
  }

  lifecycle {
    ignore_changes = [weighted_routing_policy]
  }
}

resource "aws_route53_record" "www_new" {
  zone_id        = var.zone_id
  name           = "www.example.com"
  type           = "CNAME"
  ttl            = 60
  records        = ["shop.eu-central-1.elb.example."]
  set_identifier = "ec2" # sides.new.set in the plan

  weighted_routing_policy {
    weight = 0
  }

  lifecycle {
    ignore_changes = [weighted_routing_policy]
  }
}
