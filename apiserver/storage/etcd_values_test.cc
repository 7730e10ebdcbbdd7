#include "apiserver/storage/etcd_values.h"

#include <gtest/gtest.h>

#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

StoredObject Stored(const char* json) {
  const ObjectBody body = BodyOf(Json::parse(json));
  return EncodeObject({.labels = {}, .fields = {}, .uid = "u", .body = body});
}

TEST(EtcdValues, AnObjectIsItsJsonWithoutTheResourceVersion) {
  const auto first = Stored(R"({"metadata":{"resourceVersion":"1","name":"x"},"spec":{}})");
  EXPECT_EQ(ToEtcd(first.value, first.revision_at),
            "{\"metadata\":{\"name\":\"x\"},\"spec\":{}}\n");
  const auto alone = Stored(R"({"metadata":{}})");
  EXPECT_EQ(ToEtcd(alone.value, alone.revision_at), "{\"metadata\":{}}\n");
}

TEST(EtcdValues, WhatIsNoObjectIsFramedAndComesBackWithItsRevision) {
  for (const std::string value : {"", "{}", "k8s", "any"}) {
    EXPECT_EQ(FromEtcd(ToEtcd(value, std::string::npos), Revision{7}, nullptr), value);
    EXPECT_EQ(FromEtcd(ToEtcd(value, 0), Revision{7}, nullptr), "7" + value);
  }
  const auto object = Stored(R"({"metadata":{}})");
  EXPECT_EQ(FromEtcd(ToEtcd(object.value, std::string::npos), Revision{7}, nullptr), object.value)
      << "without a place for the revision it is bytes as any";
}

TEST(EtcdValues, OthersValuesGoToTheReader) {
  std::string asked;
  const auto reader = [&](std::string_view bytes, Revision) -> std::optional<std::string> {
    asked = bytes;
    return bytes.ends_with('!') ? std::nullopt : std::optional<std::string>("record");
  };
  EXPECT_EQ(FromEtcd("{\"a\":1}", Revision{7}, reader), "record");
  EXPECT_EQ(FromEtcd(std::string("k8s\0x", 5), Revision{7}, reader), "record");
  EXPECT_EQ(FromEtcd("{!", Revision{7}, reader), "{!") << "kept as it is when it cannot be read";
  asked.clear();
  EXPECT_EQ(FromEtcd("plain", Revision{7}, reader), "plain");
  EXPECT_EQ(asked, "");
}

}  // namespace
}  // namespace skiff
