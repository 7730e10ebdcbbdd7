#include "apiserver/storage/keys.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(Keys, NameAnObjectBelowItsResourceAndNamespace) {
  EXPECT_EQ(StoreKey("pods", "default", "web"), "/registry/pods/default/web");
  EXPECT_EQ(StoreKey("minions", "", "n1"), "/registry/minions/n1");
  EXPECT_EQ(StoreKey("services/specs", "a", "b"), "/registry/services/specs/a/b");
}

TEST(Keys, PrefixesEndWithASlashSoThatNoOtherNameBeginsWithThem) {
  EXPECT_EQ(StorePrefix("pods"), "/registry/pods/");
  EXPECT_EQ(StorePrefix("pods", ""), "/registry/pods/");
  EXPECT_EQ(StorePrefix("pods", "default"), "/registry/pods/default/");
  EXPECT_FALSE(StoreKey("pods", "default-2", "x").starts_with(StorePrefix("pods", "default")));
}

TEST(Keys, ParseBackWhatTheyWereMadeFrom) {
  EXPECT_EQ(ParseStoreKey("pods", StoreKey("pods", "default", "web")),
            (StoreKeyParts{"default", "web"}));
  EXPECT_EQ(ParseStoreKey("minions", StoreKey("minions", "", "n1")), (StoreKeyParts{"", "n1"}));
  EXPECT_EQ(ParseStoreKey("services/specs", StoreKey("services/specs", "a", "b")),
            (StoreKeyParts{"a", "b"}));
}

TEST(Keys, WhatIsNotAnObjectOfTheResourceDoesNotParse) {
  for (const char* key :
       {"", "/registry/", "/registry/pods", "/registry/pods/", "/registry/pods/a/",
        "/registry/pods//b", "/registry/pods/a/b/c", "/registry/podsets/a/b", "/other/pods/a/b"}) {
    EXPECT_EQ(ParseStoreKey("pods", key), std::nullopt) << key;
  }
}

}  // namespace
}  // namespace skiff
