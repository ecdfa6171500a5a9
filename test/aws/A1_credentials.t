# seed: S2:9-15 export AWS_REGION=eu-west-2; export AWS_ACCESS_KEY_ID=xxx; export AWS_SECRET_ACCESS_KEY=xxx
# Three variables and the endpoint are all that the CLI needs.
$ env -i PATH="$PATH" HOWDAH_TEST_CLI="$HOWDAH_TEST_CLI" AWS_ENDPOINT_URL="$URL" AWS_REGION=eu-west-2 AWS_DEFAULT_REGION=eu-west-2 \
    AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" aws rds describe-db-instances
~ DBInstances == []
! AWS_SECRET_ACCESS_KEY=wrong aws rds describe-db-instances    # SignatureDoesNotMatch
! AWS_ACCESS_KEY_ID=AKIAAAAAAAAAAAAAAAAA aws rds describe-db-instances    # InvalidClientTokenId
! AWS_SECRET_ACCESS_KEY=wrong aws sts get-caller-identity    # SignatureDoesNotMatch
! AWS_ACCESS_KEY_ID=AKIAAAAAAAAAAAAAAAAA aws sts get-caller-identity    # InvalidClientTokenId
! AWS_SECRET_ACCESS_KEY=wrong aws ec2 describe-vpcs    # SignatureDoesNotMatch
! AWS_ACCESS_KEY_ID=AKIAAAAAAAAAAAAAAAAA aws ec2 describe-vpcs    # AuthFailure
$ aws sts get-caller-identity
~ Account == "123456789012"
~ Arn =~ ^arn:aws:iam::123456789012:
# One daemon, all services, by the signature's service name.
$ aws rds describe-db-instances
$ aws ec2 describe-vpcs
~ length(Vpcs) == 1
