// Definitions that take many times their text while they are written.
#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

class LargeDefinitions : public CustomResources {
 protected:
  static Json Large() {
    Json definition = Definition(Schema());
    Json& schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    constexpr int kProperties = 3000;
    for (int i = 0; i < kProperties; ++i) {
      schema["properties"]["spec"]["properties"]["p" + std::to_string(i)] = {{"type", "string"}};
    }
    return definition;
  }
  // Whether the worker that has the request leaves it to others; it is answered with `code`.
  bool LeavesItsWorker(const std::string& method, const std::string& path, const Json& body,
                       const std::string& type, int code) {
    http::Request request;
    request.method = method;
    request.path = request.target = path;
    request.headers.emplace("Authorization", "Bearer admin");
    request.headers.emplace("Content-Type", type);
    request.body = body.dump();
    auto answer = Handled(request);
    const bool leaves = answer.pending != nullptr;
    EXPECT_EQ(Awaited(std::move(answer)).status, code) << method;
    return leaves;
  }
};

TEST_F(LargeDefinitions, AreWrittenFewAtOnceAndHoldNoWorker) {
  const std::string path = definitions_ + "/crons.example.com";
  const std::string json = "application/json", merge = "application/merge-patch+json";
  EXPECT_TRUE(LeavesItsWorker("POST", definitions_, Large(), json, 201));
  Settle();
  const Json label = {{"metadata", {{"labels", {{"a", "b"}}}}}};
  EXPECT_TRUE(LeavesItsWorker("PATCH", path, label, merge, 200)) << "what is stored counts";
  EXPECT_FALSE(LeavesItsWorker("DELETE", path, Json::object(), json, 200));
  Json small = Definition(Schema());
  small["metadata"]["name"] = "lamps.example.com";
  small["spec"]["names"] = {{"plural", "lamps"}, {"kind", "Lamp"}};
  EXPECT_FALSE(LeavesItsWorker("POST", definitions_, small, json, 201));
}

}  // namespace
}  // namespace skiff
