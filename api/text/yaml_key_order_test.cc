#include "api/text/yaml_key_order.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/text/yaml.h"

namespace skiff {
namespace {

TEST(YamlKeyOrder, IsTheNaturalOneOfGosWriter) {
  EXPECT_TRUE(YamlKeyLess("a2", "a10"));
  EXPECT_TRUE(YamlKeyLess("a-b", "ab"));
  EXPECT_TRUE(YamlKeyLess("a1", "ab"));
  EXPECT_TRUE(YamlKeyLess("1a", "1-"));
  EXPECT_TRUE(YamlKeyLess("A", "a"));
  EXPECT_TRUE(YamlKeyLess(".", "f:a"));
  EXPECT_TRUE(YamlKeyLess("k:{\"a\":1}", "ka"));
  EXPECT_TRUE(YamlKeyLess("a", "aa"));
  EXPECT_TRUE(YamlKeyLess("a01", "a001"));
  EXPECT_FALSE(YamlKeyLess("a", "a"));
  EXPECT_TRUE(YamlKeyLess("a100", "a101"));
}

TEST(YamlKeyOrder, DocumentsAreWrittenInIt) {
  EXPECT_EQ(DumpYaml(*ParseJson(R"({"a10":1,"a2":{"hostIPs":1,"host-b":2},"a-b":3})")),
            "a-b: 3\na2:\n  host-b: 2\n  hostIPs: 1\na10: 1\n");
}

}  // namespace
}  // namespace skiff
