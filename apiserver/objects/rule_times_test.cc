// What rules of custom resources take, over the real server.
#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

class RuleTimesTest : public CustomResources {};

TEST_F(RuleTimesTest, CompilationsAndEvaluationsAreCounted) {
  const auto count = [&](const std::string& work) {
    const std::string line = "apiserver_cel_" + work + "_duration_seconds_count ";
    const std::string metrics = Get("/metrics").response.body;
    const size_t at = metrics.find(line);
    return at == std::string::npos ? 0 : std::stoi(metrics.substr(at + line.size()));
  };
  Json schema = Schema();
  Define(Definition(schema));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  EXPECT_EQ(count("compilation"), 0);
  EXPECT_EQ(count("evaluation"), 0);
  Json& spec = schema["properties"]["spec"];
  spec["x-kubernetes-validations"] = {{{"rule", "self.replicas <= 5"}}};
  spec["properties"]["image"]["x-kubernetes-validations"] = {{{"rule", "self != 'bad'"}}};
  const Json ruled = {{"spec", Definition(schema)["spec"]}};
  ASSERT_EQ(Merge(definitions_ + "/crons.example.com", ruled.dump()).code, 200);
  EXPECT_EQ(count("compilation"), 2);  // Each node's, to see whether they are right.
  ASSERT_EQ(Post(path_, Cron("b", {{"image", "web"}})).code, 201);
  EXPECT_EQ(count("compilation"), 4);
  EXPECT_EQ(count("evaluation"), 3);  // The object, its spec, the image.
  ASSERT_EQ(Post(path_, Cron("c", {{"image", "bad"}})).code, 422);
  EXPECT_EQ(count("compilation"), 4);
  EXPECT_EQ(count("evaluation"), 6);
}

}  // namespace
}  // namespace skiff
