#include "domain/instance.h"

#include <gtest/gtest.h>

#include <set>

#include "domain/instance_class.h"
#include "domain/window.h"

namespace howdah {
namespace {

TEST(Instance, SurvivesEncoding) {
  Instance i;
  i.scope = {"123456789012", "eu-west-2"};
  i.identifier = "a";
  i.resource_id = "db-X";
  i.iops = 3000;
  i.security_groups = {"sg-1", "sg-2"};
  i.tags = {{"k<&>", "v"}};
  i.rest = Rest::incompatible_parameters;
  i.created = Time(Millis(1234));
  i.pending = {{"Port", "1"}};
  const Instance back = Instance::decode(i.encode());
  EXPECT_EQ(back.encode(), i.encode());
  EXPECT_EQ(back.key(), "123456789012/eu-west-2/a");
  EXPECT_EQ(back.rest, Rest::incompatible_parameters);
  EXPECT_EQ(back.iops, 3000);
  EXPECT_FALSE(back.max_allocated_storage);
}

TEST(Slots, AreUniqueAndComeRoundLate) {
  store::Store store(store::open_memory());
  store.use<Instance>();
  store.use<SlotHint>();
  const auto take = [&](const char* name) {
    return store.write([&](store::Tx& tx) {
      Instance i;
      i.identifier = name;
      i.resource_id = name;
      i.slot = allocate_slot(tx, 3);
      tx.put(i);
      return i.slot;
    });
  };
  EXPECT_EQ(take("a"), 1u);
  EXPECT_EQ(take("b"), 2u);
  store.write([](store::Tx& tx) { tx.erase<Instance>("//a"); });
  EXPECT_EQ(take("c"), 3u);
  EXPECT_EQ(take("d"), 1u);
  EXPECT_THROW(take("e"), Fault);
}

TEST(Slots, HaveAddressesInsideTheRange) {
  EXPECT_EQ(slot_address("127.20.0.0/16", 1), "127.20.0.1");
  EXPECT_EQ(slot_address("127.20.0.0/16", 254), "127.20.0.254");
  EXPECT_EQ(slot_address("127.20.0.0/16", 255), "127.20.1.1");
  EXPECT_EQ(slot_count("127.20.0.0/16"), 256u * 254);
  EXPECT_THROW(slot_count("10.0.0.0/8"), std::invalid_argument);
  EXPECT_THROW(slot_count("127.0.0.0/40"), std::invalid_argument);
}

TEST(InstanceClass, KnowsAwsNames) {
  EXPECT_EQ(find_instance_class("db.t3.micro")->memory_mib, 1024);
  EXPECT_EQ(find_instance_class("db.r6g.16xlarge")->vcpus, 64);
  EXPECT_EQ(find_instance_class("db.x"), nullptr);
}

TEST(Window, ParsesAndPrints) {
  EXPECT_EQ(window::text(window::parse_daily("23:45-00:30")), "23:45-00:30");
  EXPECT_EQ(window::text(window::parse_weekly("Sun:23:30-Mon:00:30")), "sun:23:30-mon:00:30");
  EXPECT_THROW(window::parse_daily("1:00-2:00"), Fault);
  EXPECT_THROW(window::parse_daily("01:00-01:20"), Fault);
  EXPECT_THROW(window::parse_weekly("sun:05:00-tue:06:00"), Fault);
}

TEST(Window, FindsOverlaps) {
  const auto night = window::parse_daily("23:30-00:30");
  EXPECT_TRUE(window::overlap(night, window::parse_weekly("mon:00:00-mon:01:00")));
  EXPECT_TRUE(window::overlap(night, window::parse_weekly("sun:23:00-sun:23:45")));
  EXPECT_FALSE(window::overlap(night, window::parse_weekly("sun:05:00-sun:06:00")));
}

TEST(Window, ChoosesAtNightAndNotSoon) {
  using namespace std::chrono;
  std::set<std::string> chosen;
  for (int i = 0; i < 2000; i++) {
    const Time now = sys_days(2026y / 11 / 23) + minutes(7 * i);  // nine days
    const auto [d, w] = window::choose("seed" + std::to_string(i), now);
    EXPECT_FALSE(window::overlap(d, w));
    EXPECT_TRUE(d.begin >= 22 * 60 || d.begin < 6 * 60) << d.begin;
    EXPECT_TRUE(w.begin % 1440 >= 22 * 60 || w.begin % 1440 < 6 * 60) << w.begin;
    for (const auto ahead : {0min, 29min, 300min, 1439min}) EXPECT_FALSE(window::contains(w, now + ahead)) << text(w);
    EXPECT_GE((d.begin - 7 * i % 1440 + 1440) % 1440, 120) << text(d);
    chosen.insert(text(d));
    chosen.insert(text(w));
  }
  EXPECT_EQ(chosen.size(), 16 + 7 * 16);
}

TEST(Window, ChoosesBesideOneThatLeavesLittleRoom) {
  const Time now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
  const auto night = window::parse_weekly("mon:22:00-tue:06:00");
  EXPECT_FALSE(window::overlap(window::choose_daily("s", night, now), night));
  EXPECT_EQ(text(window::choose_daily("s", window::parse_weekly("mon:01:00-tue:00:30"), now)), "00:30-01:00") << "soon";
  EXPECT_THROW(window::choose_daily("s", window::parse_weekly("mon:01:00-tue:01:00"), now), Fault);
  EXPECT_THROW(window::choose_weekly("s", window::parse_daily("01:00-00:45"), now), Fault);
}

TEST(Window, ContainsTheNow) {
  using namespace std::chrono;
  const Time sunday = sys_days(2026y / 11 / 22) + 5h + 10min;
  EXPECT_TRUE(window::contains(window::parse_weekly("sun:05:00-sun:06:00"), sunday));
  EXPECT_FALSE(window::contains(window::parse_weekly("sun:06:00-sun:07:00"), sunday));
}

}  // namespace
}  // namespace howdah
