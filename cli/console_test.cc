#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;

class ConsoleVerbTest : public ProgramTest {
 protected:
  ConsoleVerbTest() {
    server_ = [this](const http::Request& request) {
      asked_ = request.method + " " + request.path;
      http::Response response;
      response.status = status_;
      response.body = status_ == 200
                          ? R"({"code": "c0de", "user": "jane", "expiresInSeconds": 60})"
                          : R"({"kind": "Status", "reason": "NotFound", "message": "no"})";
      return response;
    };
  }
  int RunInContext(const std::string& context) {
    const std::string path = testing::TempDir() + "console-" + std::to_string(getpid());
    std::ofstream(path) << R"({"current-context": "c", "contexts": [{"name": "c", "context": )"
                        << context << R"(}], "clusters": [{"name": "k",
                           "cluster": {"server": "https://h:2"}}]})";
    const int code = Run("console", {"--kubeconfig=" + path});
    std::filesystem::remove(path);
    return code;
  }
  int status_ = 200;
  std::string asked_;
};

TEST_F(ConsoleVerbTest, PrintsTheLinkWhereNobodySeesABrowser) {
  EXPECT_EQ(Run("console", {"--server=https://skiff.example:6443/"}), 0) << err_;
  EXPECT_EQ(asked_, "POST /console/link");
  EXPECT_EQ(out_, "https://skiff.example:6443/console/#login=c0de\n");
  EXPECT_EQ(err_, "Open this link within 60 seconds: it works once, and logs in as jane.\n");
}

TEST_F(ConsoleVerbTest, OpensItWhereSomebodyDoes) {
  std::string seen;
  browse_ = [&](const std::string& link) {
    seen = link;
    return true;
  };
  EXPECT_EQ(Run("console", {"--server=https://h:1"}), 0) << err_;
  EXPECT_EQ(seen, "https://h:1/console/#login=c0de");
  EXPECT_THAT(out_, HasSubstr("Opened https://h:1/console/ in your browser, logged in as jane."));
  EXPECT_EQ(out_.find("c0de"), out_.npos) << "what is on a screen stays there";
  seen.clear();
  EXPECT_EQ(Run("console", {"--server=https://h:1", "--print"}), 0);
  EXPECT_EQ(seen, "");
  EXPECT_EQ(out_, "https://h:1/console/#login=c0de\n");
}

TEST_F(ConsoleVerbTest, BeginsInTheNamespaceThatIsNamed) {
  EXPECT_EQ(Run("console", {"--server=https://h:1", "-n", "shop"}), 0) << err_;
  EXPECT_EQ(out_, "https://h:1/console/?namespace=shop#login=c0de\n");
  EXPECT_EQ(RunInContext(R"({"cluster": "k", "namespace": "a b"})"), 0) << err_;
  EXPECT_EQ(out_, "https://h:2/console/?namespace=a%20b#login=c0de\n") << "the context's";
  EXPECT_EQ(RunInContext(R"({"cluster": "k"})"), 0) << err_;
  EXPECT_EQ(out_, "https://h:2/console/#login=c0de\n") << "none is";
}

TEST_F(ConsoleVerbTest, AnotherServerHasNone) {
  status_ = 404;
  EXPECT_EQ(Run("console", {"--server=https://h:1"}), 1);
  EXPECT_EQ(err_, "error: https://h:1 has no console: it is not skiff, or an older one\n");
}

}  // namespace
}  // namespace skiff::cli
