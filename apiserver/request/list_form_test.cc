// Lists in the forms that clients ask for, from the real server.
#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class ListFormTest : public ServerFixture {
 protected:
  static constexpr const char* kSchemas = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
  std::vector<std::string> NamesInTable(const std::string& query = "") {
    const auto table =
        Ask({.path = kSchemas + query, .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
    std::vector<std::string> names;
    for (const Json& row : table.body["rows"]) names.push_back(row["cells"][0]);
    return names;
  }
  void Make(const std::string& name, int precedence) {
    const Json schema = {{"metadata", {{"name", name}, {"labels", {{"own", "true"}}}}},
                         {"spec",
                          {{"matchingPrecedence", precedence},
                           {"priorityLevelConfiguration", {{"name", "exempt"}}}}}};
    const auto made = Post(kSchemas, schema.dump());
    ASSERT_EQ(made.code, 201) << made.message();
  }
};

TEST_F(ListFormTest, FlowSchemasComeInTheOrderInWhichRequestsMeetThem) {
  Make("a", 7000);
  Make("b", 30);
  Make("d", 600);
  Make("c", 600);
  EXPECT_EQ(NamesInTable("?labelSelector=own"), (std::vector<std::string>{"b", "c", "d", "a"}));
  const auto all = NamesInTable();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front(), "exempt");
  EXPECT_EQ(all.back(), "catch-all");
}

TEST_F(ListFormTest, FlowSchemasComeInTheirOrderInYamlToo) {
  Make("a", 7000);
  Make("b", 30);
  Make("d", 600);
  Make("c", 600);
  const std::string table = Ask({.path = std::string(kSchemas) + "?labelSelector=own",
                                 .accept = "application/yaml;as=Table;v=v1;g=meta.k8s.io"})
                                .response.body;
  size_t before = 0;
  for (const std::string name : {"b", "c", "d", "a"}) {
    const size_t at = table.find(" name: " + name + "\n");
    ASSERT_NE(at, std::string::npos) << table;
    EXPECT_LT(before, at) << table;
    before = at;
  }
}

TEST_F(ListFormTest, ATableOfNoFlowSchemasHasNoRows) {
  EXPECT_TRUE(NamesInTable("?labelSelector=own").empty());
}

}  // namespace
}  // namespace skiff
