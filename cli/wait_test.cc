#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using WaitTest = ProgramTest;

// A watch that is closed before it says anything.
class NothingSaid final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override { return http::Pulled::kEnd; }
};

TEST_F(WaitTest, ItIsLookedAgainOnlyAfterAPauseWhereAWatchIsClosed) {
  const std::string ready =
      R"({"metadata": {"name": "p", "uid": "u"},
          "status": {"conditions": [{"type": "Ready", "status": "True"}]}})";
  const auto pod = [](const std::string& object) {
    return std::pair<std::string, std::string>("/api/v1/namespaces/default/pods/p", object);
  };
  const std::string unready = R"({"metadata": {"name": "p", "uid": "u"}})";
  int watches = 0;
  const auto answers = ServerOf("", {}, {pod(unready)});
  server_ = [&](const http::Request& request) {
    if (request.path != "/api/v1/namespaces/default/pods") return answers(request);
    http::Response response;
    response.status = 200;
    if (request.Query("watch")) {
      ++watches;
      response.stream = std::make_unique<NothingSaid>();
      return response;
    }
    response.SetHeader("Content-Type", "application/json");
    response.body = R"({"metadata": {"resourceVersion": "7"}, "items": [)" +
                    (watches == 2 ? ready : unready) + "]}";
    return response;
  };
  EXPECT_EQ(Run("wait", {"pod/p", "--for=condition=Ready", "--timeout=9s"}), 0) << err_;
  EXPECT_EQ(watches, 2);
  EXPECT_EQ(pauses_, 2);
}

}  // namespace
}  // namespace skiff::cli
