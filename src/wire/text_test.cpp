#include "wire/text.h"

#include <gtest/gtest.h>

#include "wire/pattern.h"
#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

int64_t ms(std::string_view text) {
  const auto t = parse_timestamp(text);
  return t ? t->ms : -1;
}

TEST(Text, Utf8) {
  EXPECT_TRUE(is_utf8("aé漢🐘"));
  for (std::string_view bad : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"})
    EXPECT_FALSE(is_utf8(bad));
  EXPECT_EQ(to_utf8("a\xFF"
                    "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(count_code_points("é漢"), 2u);
}

TEST(Text, Base64) {
  for (std::string_view s : {"", "a", "ab", "abc", "abcd"}) EXPECT_EQ(base64_decode(base64_encode(s)), s);
  EXPECT_EQ(base64_encode("ab"), "YWI=");
  EXPECT_EQ(base64_decode("YWI"), "ab");
  EXPECT_EQ(base64_decode("YW\nI="), "ab");
  for (std::string_view bad : {"Y", "Y=W=", "YW*=", "===="}) EXPECT_FALSE(base64_decode(bad)) << bad;
}

TEST(Text, Numbers) {
  EXPECT_EQ(parse_integer("+5"), 5);
  for (std::string_view bad : {"", "+", "5 ", "0x5", "5.0", "99999999999999999999"})
    EXPECT_FALSE(parse_integer(bad)) << bad;
  EXPECT_EQ(format_double(5), "5.0");
  EXPECT_EQ(format_double(0.1), "0.1");
  EXPECT_EQ(parse_double(format_double(1e300)), 1e300);
  EXPECT_EQ(parse_bool("TRUE"), true);
  EXPECT_FALSE(parse_bool("yes"));
}

TEST(Timestamp, ReadsWhatAwsAccepts) {
  EXPECT_EQ(ms("2023-10-02T10:00:00Z"), 1696240800000);
  EXPECT_EQ(ms("2023-10-02T10:00:00.5Z"), 1696240800500);
  EXPECT_EQ(ms("2023-10-02T10:00:00.123456789Z"), 1696240800123);
  EXPECT_EQ(ms("2023-10-02T12:00:00+02:00"), 1696240800000);
  EXPECT_FALSE(parse_timestamp("2023-10-02T12:00:00+25:00"));
  EXPECT_FALSE(parse_timestamp("2023-10-02T12:00:00-01:60"));
  EXPECT_EQ(ms("2023-10-02T08:30:00-0130"), 1696240800000);
  EXPECT_EQ(ms("2023-10-02T10:00:00"), 1696240800000);
  EXPECT_EQ(ms("2023-10-02T10:00Z"), 1696240800000);
  EXPECT_EQ(ms("20231002T100000Z"), 1696240800000);
  EXPECT_EQ(ms("2023-10-02"), 1696204800000);
  EXPECT_EQ(ms("1696240800"), 1696240800000);
  EXPECT_EQ(ms("1696240800.25"), 1696240800250);
  EXPECT_EQ(ms("Mon, 02 Oct 2023 10:00:00 GMT"), 1696240800000);
  for (std::string_view bad :
       {"", "yesterday", "2023-13-02T10:00:00Z", "2023-02-30", "2023-10-02T25:00:00Z", "1e300", "2023-10-02T10:00:00.Z",
        "2023-10-02T10:00:00Zx", "nan", "Mon, 32 Oct 2023 10:00:00 GMT"})
    EXPECT_EQ(ms(bad), -1) << bad;
}

TEST(Timestamp, Writes) {
  EXPECT_EQ(format_iso8601({1696240800123}), "2023-10-02T10:00:00.123Z");
  EXPECT_EQ(format_epoch_seconds({1696240800123}), "1696240800.123");
  EXPECT_EQ(format_epoch_seconds({-1500}), "-1.500");
  EXPECT_EQ(format_http_date({1696240800123}), "Mon, 02 Oct 2023 10:00:00 GMT");
  EXPECT_EQ(format_amz_date({1696240800123}), "20231002T100000Z");
  EXPECT_EQ(format_iso8601({INT64_MAX}), "9999-12-31T23:59:59.999Z");
}

TEST(Pattern, MatchesTheWholeTextInCodePoints) {
  static constexpr char kName[] = "[\\w+=,.@-]+", kFive[] = ".{5}", kJava[] = "[\\p{L}]+", kNested[] = "(a+)+b";
  EXPECT_TRUE(matches(kName, "a.b@c"));
  EXPECT_FALSE(matches(kName, "a b"));
  EXPECT_FALSE(matches(kName, "é"));
  EXPECT_TRUE(matches(kFive, "aé漢🐘b"));
  EXPECT_TRUE(matches(kJava, "???"));                        // not decidable here: not refused
  EXPECT_TRUE(matches(kName, std::string(1'000'000, ' ')));  // too long to be checked
  EXPECT_FALSE(matches(kNested, std::string(1000, 'a')));    // exponential for a backtracking matcher
}

}  // namespace
}  // namespace howdah::wire
