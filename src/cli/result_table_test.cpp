#include "cli/result_table.h"

#include <gtest/gtest.h>

namespace howdah::cli {

TEST(ResultTable, LooksLikePsql) {
  const auto result = parse_json(R"({"columns": [{"name": "n", "number": true},
      {"name": "größe", "number": false}], "rows": [["10", "ä"], ["9", null]], "tag": "SELECT 2"})");
  EXPECT_EQ(as_table(result), " n  | größe\n----+-------\n 10 | ä\n  9 |\n(2 rows)\n");
  EXPECT_EQ(as_csv(result), "n,größe\n10,ä\n9,\n");
  EXPECT_EQ(as_json_rows(result), "[{\"n\":\"10\",\"größe\":\"ä\"},\n {\"n\":\"9\",\"größe\":null}]\n");
}

TEST(ResultTable, QuotesWhatCsvMustQuote) {
  const auto result = parse_json(R"({"columns": [{"name": "a,b", "number": false}],
      "rows": [["say \"hi\""], [""], [null]], "tag": ""})");
  EXPECT_EQ(as_csv(result), "\"a,b\"\n\"say \"\"hi\"\"\"\n\"\"\n\n");
}

TEST(ResultTable, ShowsWhatHasNoRows) {
  const auto none = parse_json(R"({"columns": [], "rows": [], "tag": "DO"})");
  EXPECT_EQ(as_table(none), "DO\n");
  EXPECT_EQ(as_json_rows(none), "[]\n");
}

}  // namespace howdah::cli
