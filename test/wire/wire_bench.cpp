// Cost of the wire layer a request, in microseconds: `build/wire_bench` (cmake --build build --target wire_bench).
// Each figure is the best of several runs: the machine's other work only ever adds.
#include <chrono>
#include <cstdio>

#include "wire/services_for_test.h"
#include "wire/sigv4.h"

namespace howdah::wire {
namespace {

double best_us(int count, auto&& work) {
  double best = 1e9;
  for (int round = 0; round < 15; round++) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; i++) work();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / count);
  }
  return best;
}

aws::rds::DBInstance instance(int n) {
  using namespace aws;
  rds::DBInstance d{.db_instance_identifier = "instance-" + std::to_string(n),
                    .db_instance_class = "db.t3.micro",
                    .engine = "postgres",
                    .db_instance_status = "available",
                    .master_username = "postgres",
                    .db_name = "app",
                    .endpoint = rds::Endpoint{.address = "instance.0123456789ab.eu-west-2.rds.localhost", .port = 5432},
                    .allocated_storage = 20,
                    .instance_create_time = Timestamp{1767225600123},
                    .preferred_backup_window = "03:00-03:30",
                    .backup_retention_period = 7};
  d.vpc_security_groups.add({.vpc_security_group_id = "sg-0123456789abcdef0", .status = "active"});
  d.db_parameter_groups.add({.db_parameter_group_name = "default.postgres15", .parameter_apply_status = "in-sync"});
  d.tag_list.add({.key = "Name", .value = "a <b> & c"});
  d.db_subnet_group = rds::DBSubnetGroup{.db_subnet_group_name = "default", .vpc_id = "vpc-0123456789abcdef0"};
  d.engine_version = "15.4";
  d.multi_az = false;
  d.publicly_accessible = true;
  d.storage_type = "gp3";
  d.db_instance_arn = "arn:aws:rds:eu-west-2:123456789012:db:instance-" + std::to_string(n);
  return d;
}

Ref<aws::rds::DBInstanceMessage> hundred() {
  aws::rds::DBInstanceMessage message;
  for (int i = 0; i < 100; i++) message.db_instances.add(instance(i));
  return message;
}

}  // namespace
}  // namespace howdah::wire

int main() {
  using namespace howdah::wire;
  const howdah::Time now = howdah::SystemClock().now();
  HttpRequest create = form_request(
      "rds",
      "Action=CreateDBInstance&Version=2014-10-31&DBName=cruddur&DBInstanceIdentifier=cruddur-db-instance&"
      "AllocatedStorage=20&DBInstanceClass=db.t3.micro&Engine=postgres&MasterUsername=cruddurroot&MasterUserPassword="
      "goodDatabasePassword1&AvailabilityZone=us-east-1a&BackupRetentionPeriod=0&Port=5432&MultiAZ=false&EngineVersion="
      "14.6&PubliclyAccessible=true&StorageType=gp2&StorageEncrypted=true&EnablePerformanceInsights=true&"
      "PerformanceInsightsRetentionPeriod=7&DeletionProtection=false&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b");
  const Route route = all_services().route(create);
  std::printf("route CreateDBInstance           %8.2f us\n",
              best_us(2000, [&] { (void)all_services().route(create); }));
  std::printf("decode+validate CreateDBInstance %8.2f us\n", best_us(2000, [&] { (void)decode(route, create); }));

  create.headers = {{"host", "127.0.0.1:4566"}, {"content-type", "application/x-www-form-urlencoded"}};
  sign(create, {"AKID", "secret", ""}, "eu-west-2", "rds", now);
  const auto lookup = [](const std::string&) { return Secret{"secret", ""}; };
  std::printf("verify signature                 %8.2f us\n", best_us(2000, [&] { (void)verify(create, lookup, now); }));

  Route describe = route;
  describe.operation = route.service->find("DescribeDBInstances");
  size_t bytes = 0;
  double best = 1e9;
  for (int i = 0; i < 60; i++) {
    auto message = hundred();
    best = std::min(best, best_us(1, [&] {
                      bytes = 0;
                      auto r = encode_response(describe, std::move(message), "id");
                      bytes = r.body.size();
                      message = hundred();
                    }));
  }
  // Making the hundred instances is part of the loop above; it is measured alone and taken off.
  const double making = best_us(20, [] { (void)hundred(); });
  std::printf("encode 100 DBInstances           %8.2f us  (%zu bytes)\n", best - making, bytes);
}
