#include "backup/position.h"

#include <gtest/gtest.h>

namespace howdah::backup {
namespace {

TEST(Position, LsnTextIsPostgresqls) {
  EXPECT_EQ(lsn_text(0x16B3748), "0/16B3748");
  EXPECT_EQ(lsn_text(0), "0/0");
  EXPECT_EQ(lsn_text(0x1200000000ULL), "12/0");
  EXPECT_EQ(lsn_text(0xFFFFFFFFFFFFFFFFULL), "FFFFFFFF/FFFFFFFF");
}

TEST(Position, LsnParsesWhatItPrints) {
  for (Lsn lsn : {0ULL, 1ULL, 0x16B3748ULL, 0x12ABCDEF01ULL, 0xFFFFFFFFFFFFFFFFULL}) {
    EXPECT_EQ(parse_lsn(lsn_text(lsn)), lsn);
  }
  EXPECT_EQ(parse_lsn("a/bc"), 0xA000000BCULL);  // PostgreSQL reads lower case too
  for (const char* bad : {"", "/", "0/", "/0", "0", "0/123456789", "0/-1", "0/ 1", "0/0x1", "0/1/2", "g/0", " 0/1"}) {
    EXPECT_FALSE(parse_lsn(bad)) << bad;
  }
}

TEST(Position, SegmentNames) {
  EXPECT_EQ(segment_name(1, 0), "000000010000000000000000");
  EXPECT_EQ(segment_name(1, kSegmentSize - 1), "000000010000000000000000");
  EXPECT_EQ(segment_name(1, kSegmentSize), "000000010000000000000001");
  EXPECT_EQ(segment_name(2, 0x1FFFFFFFFULL), "0000000200000001000000FF");
  EXPECT_EQ(segment_name(0xABC, 0x200000000ULL), "00000ABC0000000200000000");
  EXPECT_EQ(segment_start("0000000200000001000000FF"), (Position{2, 0x1FF000000ULL}));
  for (Lsn lsn = 0xFD000000ULL; lsn < 0x103000000ULL; lsn += kSegmentSize) {
    EXPECT_EQ(segment_start(segment_name(7, lsn + 5)), (Position{7, lsn}));
  }
}

TEST(Position, OtherFileNamesAreNoSegments) {
  for (const char* bad : {"", "00000002.history", "000000010000000000000001.partial", "00000001000000000000000",
                          "00000001000000000000010", "0000000100000000000001000", "000000000000000000000001",
                          "000000010000000000000100", "00000001000000000000000a", "00000001000000000000000G",
                          "archive_status", "xlogtemp.1234", "000000010000000000000001.00000028.backup"}) {
    EXPECT_FALSE(segment_start(bad)) << bad;
  }
}

TEST(Position, HistoryNames) { EXPECT_EQ(history_name(0x1F), "0000001F.history"); }

}  // namespace
}  // namespace howdah::backup
