#include <gmock/gmock.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;

class DescribeTest : public ProgramTest {
 protected:
  DescribeTest() {
    const Json web = {{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"metadata", {{"name", "web-1"}, {"namespace", "default"}}}};
    const std::string pods = "/api/v1/namespaces/default/pods";
    server_ = ServerOf(
        "", {},
        {{pods + "/web-1", web.dump()}, {pods, Json{{"items", Json::array({web})}}.dump()}});
  }
};

TEST_F(DescribeTest, OneWordBesideATypeMayBeTheBeginningOfNames) {
  EXPECT_EQ(Run("describe", {"pod", "we", "--show-events=false"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("web-1"));
  const std::vector<std::vector<std::string>> others = {
      {"pod/we", "--show-events=false"}, {"pod", "we", "web", "--show-events=false"}};
  for (const std::vector<std::string>& words : others) {
    EXPECT_EQ(Run("describe", words), 1) << words[0];
    EXPECT_EQ(out_, "") << words[0];
  }
}

TEST_F(DescribeTest, OfTwoWordsOneThatIsMissingIsAllThatIsTold) {
  const std::string flag = "--show-events=false";
  EXPECT_EQ(Run("describe", {"pod/web-1", "pod/nosuch", flag}), 1);
  EXPECT_EQ(out_, "") << "as kubectl";
  EXPECT_THAT(err_, testing::StartsWith("Error from server (NotFound): "));
  EXPECT_EQ(Run("describe", {"pods,svc", "web-1", flag}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_, "error: you may only specify a single resource type\n");
  EXPECT_EQ(Run("describe", {"pods,svc", "we", flag}), 1);
  EXPECT_EQ(out_, "") << "two are missing";
  EXPECT_THAT(err_, testing::StartsWith("Error from server (NotFound): "));
  EXPECT_EQ(Run("describe", {"pod/web-1", "pod/nosuch", "pod/none", flag}), 1);
  EXPECT_THAT(out_, HasSubstr("web-1"));
}

TEST_F(DescribeTest, EventsOfAPodOfAFileAreThoseOfWhatItMirrors) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  const std::string pod = R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p",
      "namespace": "default", "uid": "u", "annotations": {"kubernetes.io/config.mirror": "hash"}}})";
  const std::string events = R"({"items": [
      {"type": "Normal", "reason": "Late", "message": " b\nc ",
       "lastTimestamp": "2026-01-01T00:00:02Z", "firstTimestamp": "2026-01-01T00:00:02Z"},
      {"type": "Normal", "reason": "Early", "message": "a",
       "eventTime": "2026-01-01T00:00:03.000000Z"}]})";
  std::string selector;
  const auto answers =
      ServerOf("", {}, {{pods + "/p", pod}, {"/api/v1/namespaces/default/events", events}});
  server_ = [&](const http::Request& request) {
    if (request.path.ends_with("/events")) selector = request.Query("fieldSelector").value_or("");
    return answers(request);
  };
  EXPECT_EQ(Run("describe", {"pod", "p"}), 0) << err_;
  EXPECT_THAT(selector, HasSubstr("involvedObject.uid=hash"));
  EXPECT_LT(out_.find("Early"), out_.find("Late")) << "as kubectl, by lastTimestamp alone";
  EXPECT_THAT(out_, HasSubstr("b\nc\n"));
}

TEST_F(DescribeTest, AddressesOfAnIngressAreSortedAndToldOnce) {
  server_ = ServerOf("", {},
                     {{"/apis/networking.k8s.io/v1/namespaces/default/ingresses/i",
                       R"({"metadata": {"name": "i", "namespace": "default"}, "spec": {},
      "status": {"loadBalancer": {"ingress": [{"hostname": "b.example"},
          {"ip": "10.0.0.1", "hostname": "a.example"}, {"hostname": "b.example"}]}}})"}});
  EXPECT_EQ(Run("describe", {"ingress", "i", "--show-events=false"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("10.0.0.1,b.example\n"));
}

TEST_F(DescribeTest, EventsThatMayNotBeReadAreNone) {
  const auto answers = server_;
  server_ = [answers](const http::Request& request) {
    if (!request.path.ends_with("/events")) return answers(request);
    http::Response response;
    response.status = 403;
    response.body = R"({"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403})";
    return response;
  };
  EXPECT_EQ(Run("describe", {"pod", "web-1"}), 0) << err_;
  EXPECT_THAT(out_, testing::ContainsRegex("Events: +<none>\n"));
}

}  // namespace
}  // namespace skiff::cli
