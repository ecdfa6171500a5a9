# seed: S0:29; S3:77 curl ifconfig.me
$ curl -s $URL/my-ip
> 127.0.0.1
$ curl -s --interface 127.0.0.77 $URL/my-ip
> 127.0.0.77
