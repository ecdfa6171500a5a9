#include "domain/principal.h"

#include <gtest/gtest.h>

namespace howdah {
namespace {

TEST(Principal, TheAdministratorIsMadeOnce) {
  store::Store store(store::open_memory());
  FakeClock clock;
  use_principals(store);
  const AccessKey key = ensure_administrator(store, clock, "123456789012");
  EXPECT_EQ(key.id.size(), 20u);
  EXPECT_TRUE(key.id.starts_with("AKIA"));
  EXPECT_EQ(key.secret.size(), 40u);
  EXPECT_EQ(ensure_administrator(store, clock, "123456789012").id, key.id);
  EXPECT_NE(ensure_administrator(store, clock, "000000000002").id, key.id);
  const auto admin = store.get<Principal>(key.principal);
  ASSERT_TRUE(admin);
  EXPECT_TRUE(admin->administrator);
  EXPECT_EQ(admin->arn(), "arn:aws:iam::123456789012:user/admin");
}

TEST(Principal, RecordsSurviveEncoding) {
  const Principal p{
      .account = "1", .name = "n", .path = "/a/", .user_id = "AIDA", .administrator = true, .created = Time(Millis(5))};
  const Principal q = Principal::decode(p.encode());
  EXPECT_EQ(q.arn(), "arn:aws:iam::1:user/a/n");
  EXPECT_TRUE(q.administrator);
  EXPECT_EQ(q.created, p.created);
  const AccessKey k =
      AccessKey::decode(AccessKey{.id = "i", .secret = "s", .principal = "p", .active = false}.encode());
  EXPECT_EQ(k.secret, "s");
  EXPECT_FALSE(k.active);
}

TEST(Principal, CredentialFilesReadBack) {
  const auto c = parse_credentials(credentials_text({.id = "AKIA1", .secret = "a+/b="}));
  ASSERT_TRUE(c);
  EXPECT_EQ(c->access_key_id, "AKIA1");
  EXPECT_EQ(c->secret_access_key, "a+/b=");
  EXPECT_FALSE(parse_credentials("[other]\naws_access_key_id=x\naws_secret_access_key=y\n"));
  EXPECT_FALSE(parse_credentials(""));
}

}  // namespace
}  // namespace howdah
