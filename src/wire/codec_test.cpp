#include "wire/codec.h"

#include <gtest/gtest.h>

#include "wire/services_for_test.h"

namespace howdah::wire {
namespace {

std::string rds(const std::string& parameters) {
  return decoded(form_request("rds", "Action=CreateDBInstance&Version=2014-10-31&" + parameters));
}
std::string describe(const std::string& parameters) {
  return decoded(form_request("rds", "Action=DescribeDBInstances&Version=2014-10-31&" + parameters));
}
std::string ec2(const std::string& parameters) {
  return decoded(form_request("ec2", "Version=2016-11-15&" + parameters));
}
std::string secret(const std::string& operation, const std::string& body) {
  return decoded(json_request("secretsmanager", "secretsmanager." + operation, body));
}
std::string cbor(std::string_view body, const std::string& operation = "GetMetricStatistics") {
  HttpRequest r = signed_request("monitoring", std::string(body));
  r.raw_path = "/service/GraniteServiceVersion20100801/operation/" + operation;
  r.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
  return decoded(r);
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// --- lists in forms --------------------------------------------------------------------------------------------------

TEST(Form, ListsTakeTheModelsNameAndMember) {
  const std::string want = R"(DescribeDBInstances {"Filters":[{"Name":"n","Values":["a","b"]}]})";
  EXPECT_EQ(describe("Filters.Filter.1.Name=n&Filters.Filter.1.Values.Value.1=a&Filters.Filter.1.Values.Value.2=b"),
            want);
  EXPECT_EQ(describe("Filters.member.1.Name=n&Filters.member.1.Values.member.1=a&Filters.member.1.Values.member.2=b"),
            want);
}

TEST(Form, PositionsOrderAListAndAreNeverSizes) {
  const std::string values = "Filters.Filter.1.Name=n&Filters.Filter.1.Values.Value.";
  EXPECT_EQ(describe(values + "10=c&" + values.substr(24) + "2=b&Filters.Filter.1.Values.Value.1=a"),
            R"(DescribeDBInstances {"Filters":[{"Name":"n","Values":["a","b","c"]}]})");
  EXPECT_EQ(describe(values + "1000000000=z&Filters.Filter.1.Values.Value.99999999999999999999=y"),
            R"(DescribeDBInstances {"Filters":[{"Name":"n","Values":["z"]}]})");
}

TEST(Form, AnEmptyListIsNotAnAbsentOne) {
  EXPECT_EQ(describe("Filters="), R"(DescribeDBInstances {"Filters":[]})");
  EXPECT_EQ(describe(""), "DescribeDBInstances {}");
}

TEST(Form, NamesThatShareAPrefixStayApart) {
  EXPECT_EQ(
      ec2("Action=AuthorizeSecurityGroupIngress&GroupId=g&GroupName=n&IpPermissions.1.FromPort=1&IpPermissions.1."
          "Groups.1.GroupId=x"),
      R"(AuthorizeSecurityGroupIngress {"GroupId":"g","GroupName":"n","IpPermissions":[{"FromPort":1,"UserIdGroupPairs":[{"GroupId":"x"}]}]})");
}

TEST(Form, EncodedTextSurvives) {
  EXPECT_EQ(describe("DBInstanceIdentifier=a+b%2B%C3%A9%26"),
            "DescribeDBInstances {\"DBInstanceIdentifier\":\"a b+é&\"}");
  EXPECT_EQ(describe("DBInstanceIdentifier=%zz%"), R"(DescribeDBInstances {"DBInstanceIdentifier":"%zz%"})");
}

TEST(Form, ParametersMayComeInTheQueryString) {
  HttpRequest r = signed_request("sts");
  r.method = "GET";
  r.raw_query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=x";
  EXPECT_EQ(decoded(r), "GetCallerIdentity {}");
}

// --- what is refused, and how ----------------------------------------------------------------------------------------

TEST(Refusal, MissingParameters) {
  EXPECT_EQ(rds("Engine=postgres&DBInstanceClass=db.t3.micro"),
            "MissingParameter: The request must contain the parameter DBInstanceIdentifier");
  EXPECT_EQ(rds("DBInstanceIdentifier=a&Engine=postgres&DBInstanceClass=c&Tags.Tag.1.Key=k&Filters.Filter.1.Name=n")
                .substr(0, 16),
            "CreateDBInstance");
  EXPECT_EQ(describe("Filters.Filter.1.Name=n"),
            "MissingParameter: The request must contain the parameter Filters.1.Values");
  EXPECT_EQ(secret("GetSecretValue", "{}"),
            "ValidationException: 1 validation error detected: Value null at 'secretId' failed to satisfy constraint: "
            "Member must not be null");
  EXPECT_EQ(secret("TagResource", R"({"SecretId":"a","Tags":[{"Key":""}]})"),
            "ValidationException: 1 validation error detected: Value at 'tags.1.member.key' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1");
}

TEST(Refusal, IdempotencyTokensAreOptional) {
  EXPECT_EQ(secret("CreateSecret", R"({"Name":"a"})"), R"(CreateSecret {"Name":"a"})");
}

TEST(Refusal, ValuesOfAnotherType) {
  EXPECT_EQ(rds("AllocatedStorage=many"),
            "InvalidParameterValue: Invalid value 'many' for parameter AllocatedStorage.");
  EXPECT_EQ(rds("AllocatedStorage=99999999999"),
            "InvalidParameterValue: Invalid value '99999999999' for parameter AllocatedStorage.");
  EXPECT_EQ(rds("MultiAZ=perhaps"), "InvalidParameterValue: Invalid value 'perhaps' for parameter MultiAZ.");
  EXPECT_TRUE(contains(decoded(form_request("rds", "Action=RestoreDBInstanceToPointInTime&RestoreTime=yesterday")),
                       "InvalidParameterValue: Invalid value 'yesterday'"));
  EXPECT_EQ(rds("DBName=%ff"), "InvalidParameterValue: Invalid value '\xEF\xBF\xBD' for parameter DBName.");
  EXPECT_EQ(secret("GetSecretValue", R"({"SecretId":5})"), "SerializationException: SecretId must be a string.");
  EXPECT_EQ(secret("GetSecretValue", "[]"), "SerializationException: The body must be an object.");
  EXPECT_EQ(secret("GetSecretValue", "{"), "SerializationException: The request cannot be read: the body is not JSON.");
}

TEST(Refusal, ListsThatAreNone) {
  EXPECT_EQ(describe("Filters=x"), "InvalidParameterValue: Invalid value 'x' for parameter Filters.");
  EXPECT_EQ(describe("Filters.Wrong.1.Name=n"),
            "InvalidParameterValue: Invalid value 'Filters.Wrong.1.Name' for parameter Filters.");
}

TEST(Refusal, SensitiveValuesAreNotRepeated) {
  const std::string said =
      rds("DBInstanceIdentifier=a&Engine=postgres&DBInstanceClass=c&MasterUserPassword=%ffhunter2");
  EXPECT_TRUE(contains(said, "Invalid value '****' for parameter MasterUserPassword")) << said;
}

TEST(Refusal, LimitsOfTheModel) {
  EXPECT_TRUE(contains(secret("GetSecretValue", R"({"SecretId":""})"), "greater than or equal to 1"));
  EXPECT_TRUE(contains(secret("GetSecretValue", "{\"SecretId\":\"" + std::string(2049, 'a') + "\"}"),
                       "less than or equal to 2048"));
  const std::string alarm = decoded(
      form_request("monitoring", "Action=SetAlarmState&Version=2010-08-01&AlarmName=a&StateReason=r&StateValue=BAD"));
  EXPECT_EQ(alarm,
            "ValidationError: 1 validation error detected: Value at 'stateValue' failed to satisfy constraint: "
            "Member must satisfy enum value set: [OK, ALARM, INSUFFICIENT_DATA]");
  EXPECT_TRUE(
      contains(decoded(form_request("iam", "Action=CreateUser&Version=2010-05-08&UserName=a%20b")), R"([\w+=,.@-]+)"));
  EXPECT_TRUE(contains(decoded(form_request("iam", "Action=CreateUser&Version=2010-05-08&UserName=%C3%A9")),
                       "ValidationError"));
}

TEST(Refusal, UnknownOperationsAndServices) {
  EXPECT_EQ(decoded(form_request("rds", "Action=MakeCoffee&Version=2014-10-31")),
            "InvalidAction: The action MakeCoffee is not valid for this web service.");
  EXPECT_EQ(decoded(form_request("ec2", "Action=MakeCoffee")),
            "InvalidAction: The action MakeCoffee is not valid for this web service.");
  EXPECT_EQ(decoded(form_request("rds", "Version=2014-10-31")),
            "MissingAction: The request must contain the parameter Action.");
  EXPECT_EQ(secret("MakeCoffee", "{}"),
            "UnknownOperationException: The operation MakeCoffee is not one of this service.");
  EXPECT_EQ(cbor("\xa0", "MakeCoffee"),
            "UnknownOperationException: The operation MakeCoffee is not one of this service.");
  EXPECT_EQ(decoded(form_request("lambda", "Action=X")), "InvalidAction: The service lambda is not served here.");
  EXPECT_EQ(decoded(json_request("rds", "RDS.DescribeDBInstances", "{}")),
            "UnknownOperationException: The operation  is not one of this service.");
  EXPECT_TRUE(contains(ec2("Action=DescribeVpcs&Colour=red"), "UnknownParameter: The parameter Colour"));
  EXPECT_EQ(describe("Colour=red"), "DescribeDBInstances {}");
}

TEST(Refusal, SmallBodiesThatWouldBecomeLarge) {
  auto metrics = [](const std::string& element, int count) {
    std::string body = R"({"Namespace":"N","MetricData":[)";
    for (int i = 0; i < count; i++) body += (i ? "," : "") + element;
    return decoded(json_request("monitoring", "GraniteServiceVersion20100801.PutMetricData", body + "]}"));
  };
  EXPECT_TRUE(contains(metrics("{}", 100'001), "too many list elements"));
  EXPECT_TRUE(contains(metrics("{}", 99'000), "99000 validation errors") ||
              contains(metrics("{}", 99'000), "MissingParameter"));
  // A long key is repeated for none of the values below it.
  std::string body = R"({"SecretId":"a","Tags":[{"Key":")" + std::string(100'000, '7') + R"("}]})";
  EXPECT_LT(secret("TagResource", body).size(), 2000u);
  std::string filters =
      R"({"ServiceType":"RDS","Identifier":"i","StartTime":1,"EndTime":2,"MetricQueries":[{"Metric":"m","Filter":{")" +
      std::string(1'000'000, '1') + R"(":5}}]})";
  const std::string said = decoded(json_request("pi", "PerformanceInsightsv20180227.GetResourceMetrics", filters));
  EXPECT_TRUE(contains(said, "must be a string")) << said.substr(0, 300);
  EXPECT_LT(said.size(), 1000u);
}

TEST(Refusal, InputThatWouldCostTooMuch) {
  std::string many;
  for (int i = 0; i < 50'001; i++) many += "a" + std::to_string(i) + "=&";
  EXPECT_TRUE(contains(describe(many), "MalformedInput: The request cannot be read: more than 50000 parameters"));
  EXPECT_TRUE(contains(secret("GetSecretValue", std::string(1'000'000, '[')), "nested too deeply"));
  EXPECT_TRUE(contains(cbor(std::string(1'000'000, '\x81')), "SerializationException"));
  EXPECT_TRUE(contains(cbor("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), "SerializationException"));
  EXPECT_TRUE(contains(cbor("\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), "SerializationException"));
  std::string deep = "Filters";
  for (int i = 0; i < 100'000; i++) deep += ".Filter.1";
  EXPECT_TRUE(contains(describe(deep + "=x"), "MissingParameter"));
}

// --- CBOR's other spellings ------------------------------------------------------------------------------------------

TEST(Cbor, IndefiniteLengthsHalfFloatsAndUnknownKeys) {
  using namespace std::string_view_literals;
  // {_ "Namespace": (_ "A", "B"), "x": [1, {"y": h'00'}, null], "MetricName": null, "Period": 60}
  EXPECT_TRUE(contains(
      cbor(
          "\xbf\x69Namespace\x7f\x61\x41\x61\x42\xff\x61x\x83\x01\xa1\x61y\x41\x00\xf6\x6aMetricName\xf6\x66Period\x18\x3c\xff"sv),
      "MissingParameter: The request must contain the parameter MetricName"));
  // SetAlarmState has strings only; PutMetricAlarm's Threshold as half float 1.5, float 1.5, double and integer
  for (std::string_view number :
       {"\xf9\x3e\x00"sv, "\xfa\x3f\xc0\x00\x00"sv, "\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"sv}) {
    std::string body(
        "\xa4\x69"
        "AlarmName\x61"
        "a\x71"
        "EvaluationPeriods\x01\x72"
        "ComparisonOperator\x74"
        "GreaterThanThreshold\x69"
        "Threshold");
    EXPECT_TRUE(contains(cbor(body.append(number), "PutMetricAlarm"), R"("Threshold":1.5)"))
        << cbor(body, "PutMetricAlarm");
  }
}

TEST(Cbor, TimestampsAreTagged) {
  using namespace std::string_view_literals;
  const std::string head("\xa1\x69StartTime", 11);
  EXPECT_TRUE(contains(cbor(head + "\xc1\x1a\x65\x1b\x2c\x40"), "MissingParameter"));       // tag 1, integer
  EXPECT_TRUE(contains(cbor(head + "\x1a\x65\x1b\x2c\x40"), "StartTime must be a value"));  // no tag
  EXPECT_TRUE(contains(cbor(head + "\xc1\x63"
                                   "abc"),
                       "StartTime must be a value"));  // tag 1, text
}

// --- routing ---------------------------------------------------------------------------------------------------------

TEST(Routing, UnsignedRequestsAreFoundByVersionTargetPathAndHost) {
  auto service = [](HttpRequest r) {
    const Route route = all_services().route(r);
    return std::string(route.service ? route.service->name : "none") + " " + route.operation_name;
  };
  HttpRequest form{.method = "POST", .body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"};
  EXPECT_EQ(service(form), "sts AssumeRoleWithWebIdentity");
  HttpRequest target{.method = "POST", .headers = {{"x-amz-target", "TrentService.ListKeys"}}};
  EXPECT_EQ(service(target), "kms ListKeys");
  HttpRequest cbor{.method = "POST",
                   .raw_path = "/service/GraniteServiceVersion20100801/operation/ListMetrics",
                   .headers = {{"smithy-protocol", "rpc-v2-cbor"}}};
  EXPECT_EQ(service(cbor), "cloudwatch ListMetrics");
  EXPECT_EQ(service({.method = "GET", .raw_path = "/2013-04-01/hostedzone/Z1/rrset/"}),
            "route53 ListResourceRecordSets");
  EXPECT_EQ(service({.method = "GET", .raw_path = "/2013-04-01/hostedzone/Z1/rrset"}),
            "route53 ListResourceRecordSets");
  EXPECT_EQ(service({.method = "GET", .raw_path = "/2013-04-01/hostedzone"}), "route53 ListHostedZones");
  EXPECT_EQ(service({.method = "POST", .headers = {{"host", "rds.eu-west-2.amazonaws.com"}}, .body = "Action=X"}),
            "rds X");
  EXPECT_EQ(service({.method = "GET", .raw_path = "/"}), "none ");
}

TEST(Routing, LabelsAreDecoded) {
  HttpRequest r = signed_request("route53");
  r.method = "GET";
  r.raw_path = "/2013-04-01/tags/hostedzone/Z%201";
  EXPECT_EQ(decoded(r), R"(ListTagsForResource {"ResourceType":"hostedzone","ResourceId":"Z 1"})");
}

// --- answers ---------------------------------------------------------------------------------------------------------

Route route_to(const Service& service, const char* operation, Protocol protocol) {
  Route r;
  r.service = &service;
  r.operation = service.find(operation);
  r.protocol = protocol;
  r.json_type = "application/x-amz-json-1.1";
  return r;
}

template <class T>
BoxBase boxed(T value) {
  return Ref<T>(std::move(value));
}

TEST(Answer, QueryWrapsTheResult) {
  aws::rds::DBInstanceMessage out{.marker = "<&>\"\r\x01"};
  const HttpResponse r = encode_response(route_to(aws::rds::kService, "DescribeDBInstances", Protocol::Query),
                                         boxed(std::move(out)), "id-1");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("x-amzn-RequestId"), "id-1");
  EXPECT_EQ(r.header("Content-Type"), "text/xml");
  EXPECT_EQ(
      r.body,
      "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBInstancesResult>"
      "<Marker>&lt;&amp;&gt;&quot;&#xD;\xEF\xBF\xBD</Marker><DBInstances></DBInstances></DescribeDBInstancesResult>"
      "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DescribeDBInstancesResponse>");
}

TEST(Answer, Ec2HasNoWrapper) {
  const HttpResponse r = encode_response(route_to(aws::ec2::kService, "DeleteVpc", Protocol::Ec2), {}, "id-1");
  EXPECT_TRUE(contains(
      r.body, "<DeleteVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id-1</requestId>"));
  EXPECT_TRUE(contains(r.body, "<return>true</return>"));
}

TEST(Answer, RestXmlHasItsStatusAndHeaders) {
  aws::route53::CreateHostedZoneResponse out{.location = "https://here/Z1"};
  const HttpResponse r = encode_response(route_to(aws::route53::kService, "CreateHostedZone", Protocol::RestXml),
                                         boxed(std::move(out)), "i");
  EXPECT_EQ(r.status, 201);
  EXPECT_EQ(r.header("Location"), "https://here/Z1");
  EXPECT_TRUE(contains(
      r.body,
      "<CreateHostedZoneResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"></CreateHostedZoneResponse>"));
}

TEST(Answer, ErrorsOfEachProtocol) {
  const Fault missing("DBInstanceNotFound", "DBInstance a not found.");
  HttpResponse r = encode_error(route_to(aws::rds::kService, "DescribeDBInstances", Protocol::Query), missing, "i");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(
      r.body,
      "<ErrorResponse "
      "xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code>"
      "<Message>DBInstance a not found.</Message></Error><RequestId>i</RequestId></ErrorResponse>");
  r = encode_error(route_to(aws::ec2::kService, "DescribeVpcs", Protocol::Ec2), Fault("InvalidVpcID.NotFound", "no"),
                   "i");
  EXPECT_EQ(r.status, 400);
  EXPECT_TRUE(contains(r.body,
                       "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no</Message></Error></"
                       "Errors><RequestID>i</RequestID></Response>"));
  r = encode_error(route_to(aws::cloudwatch::kService, "SetAlarmState", Protocol::Json), Fault("InvalidFormat", "no"),
                   "i");
  EXPECT_EQ(r.header("x-amzn-query-error"), "InvalidFormat;Sender");
  EXPECT_EQ(r.header("x-amzn-ErrorType"), "InvalidFormatFault");
  EXPECT_EQ(r.body, R"({"__type":"InvalidFormatFault","message":"no"})");
  r = encode_error(route_to(aws::cloudwatch::kService, "SetAlarmState", Protocol::Cbor), Fault("X", "no"), "i");
  EXPECT_EQ(r.header("smithy-protocol"), "rpc-v2-cbor");
  EXPECT_EQ(r.body, "\xa2\x66__type\x61X\x67message\x62no");
  r = encode_error(Route{}, Fault("InternalFailure", "no"), "i");
  EXPECT_EQ(r.status, 500);
  EXPECT_TRUE(contains(r.body, "<Type>Receiver</Type>"));
}

TEST(Dump, HidesWhatIsSensitive) {
  const aws::rds::CreateDBInstanceMessage in{.db_instance_identifier = "a", .master_user_password = "hunter2"};
  const Shape& shape = *aws::rds::kService.find("CreateDBInstance")->in;
  EXPECT_EQ(dump(shape, &in), R"({"DBInstanceIdentifier":"a","MasterUserPassword":"****"})");
  EXPECT_EQ(dump(shape, &in, true), R"({"DBInstanceIdentifier":"a","MasterUserPassword":"hunter2"})");
}

}  // namespace
}  // namespace howdah::wire
