# The suite against each new machine, before anything points at it: `terraform apply` fails when smoke does.
resource "terraform_data" "smoke" {
  triggers_replace = [aws_instance.web.id]

  provisioner "local-exec" {
    command = "smoke --wait-for 5m --connect-to ::${aws_instance.web.public_ip} --var side=new ${path.module}/shop.smoke.yaml"
    # Secrets come from the environment of terraform itself: nothing of them stands in the state.
  }
}
