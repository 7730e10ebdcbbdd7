#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

class RunVerbTest : public ObjectsTest {};

TEST_F(RunVerbTest, ThePodComesBeforeTheServiceInFrontOfIt) {
  const auto answer = server_;
  std::vector<std::string> made;
  bool is_refused = false;
  server_ = [&](const http::Request& request) {
    if (request.method != "POST") return answer(request);
    made.push_back(request.path.substr(request.path.rfind('/') + 1));
    http::Response response;
    response.status = 201;
    response.body = request.body;
    if (is_refused && made.back() == "services") {
      response.status = 409;
      response.body = R"({"kind": "Status", "reason": "AlreadyExists", "message": "is there"})";
    }
    return response;
  };
  const std::vector<std::string> args = {"p", "--image=i", "--port=80", "--expose"};
  EXPECT_EQ(Run("run", args), 0) << err_;
  EXPECT_EQ(made, (std::vector<std::string>{"pods", "services"}));
  EXPECT_EQ(out_, "service/p created\npod/p created\n");
  is_refused = true;
  EXPECT_EQ(Run("run", args), 1);
  EXPECT_EQ(out_, "pod/p created\n");
  EXPECT_EQ(err_, "Error from server (AlreadyExists): is there\n");
}

TEST_F(RunVerbTest, NobodyIsAttachedWhoDoesNotWantIt) {
  EXPECT_EQ(Run("run", {"p", "--image=i", "-i", "--attach=false", "--dry-run=client"}), 0) << err_;
  EXPECT_EQ(out_, "pod/p created (dry run)\n");
  EXPECT_EQ(Run("run", {"p", "--image=i", "-i", "--attach=false", "--rm"}), 1);
  EXPECT_NE(err_.find("--rm should only be used for attached containers"), std::string::npos);
}

}  // namespace
}  // namespace skiff::cli
