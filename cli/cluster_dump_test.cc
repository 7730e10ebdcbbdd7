#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "api/codec/json.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

class ClusterDumpTest : public ProgramTest {
 protected:
  ClusterDumpTest() {
    std::string form = "/tmp/skiff-dump-XXXXXX";
    if (mkdtemp(form.data()) != nullptr) root_ = form;
  }
  ~ClusterDumpTest() override {
    std::error_code ignored;
    if (!root_.empty()) fs::remove_all(root_, ignored);
  }
  // Of a server that says that there is one pod of these names.
  int DumpOf(const std::string& namespace_, const std::string& name) {
    const Json pods = {
        {"items", Json::array({{{"metadata", {{"name", name}, {"namespace", namespace_}}}}})}};
    server_ = [text = pods.dump()](const http::Request& request) {
      http::Response response;
      response.body = request.path.ends_with("/pods")
                          ? text
                          : R"({"kind": "List", "apiVersion": "v1", "items": []})";
      return response;
    };
    return Run("cluster-info",
               {"dump", "--namespaces=default", "--output-directory=" + root_ + "/a/b/dump"});
  }
  std::string root_;
};

TEST_F(ClusterDumpTest, NoNameThatAServerGivesLeadsOutOfTheFolder) {
  EXPECT_EQ(DumpOf("default", "web"), 0) << err_;
  EXPECT_TRUE(fs::exists(root_ + "/a/b/dump/default/web/logs.txt"));
  EXPECT_EQ(DumpOf("default", "../../../taken"), 1);
  EXPECT_THAT(err_, testing::HasSubstr("default/../../../taken/logs.txt is not in"));
  EXPECT_FALSE(fs::exists(root_ + "/a/taken"));
  EXPECT_EQ(DumpOf(root_ + "/taken", "web"), 1);
  EXPECT_FALSE(fs::exists(root_ + "/taken"));
}

}  // namespace
}  // namespace skiff::cli
