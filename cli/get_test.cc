#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class GetTest : public ProgramTest {};

// An answer that comes in two pieces.
class RawPieces final : public http::StreamSource {
 public:
  explicit RawPieces(http::Pulled end) : end_(end) {}
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    if (pulls_++ == 2) return end_;
    out.push_back(std::make_shared<const std::string>("piece\n"));
    return http::Pulled::kMore;
  }

 private:
  const http::Pulled end_;
  int pulls_ = 0;
};

TEST_F(GetTest, ARawWatchIsPrintedAsItComes) {
  http::Pulled end = http::Pulled::kEnd;
  std::string path;
  server_ = [&](const http::Request& request) {
    path = request.path;
    http::Response response;
    response.status = 200;
    response.stream = std::make_unique<RawPieces>(end);
    return response;
  };
  EXPECT_EQ(Run("get", {"--raw", "/a%20b?watch=1"}), 0) << err_;
  EXPECT_EQ(out_, "piece\npiece\n");
  EXPECT_EQ(path, "/a b") << "it is encoded once";
  end = http::Pulled::kAbort;
  EXPECT_EQ(Run("get", {"--raw", "/a?watch=1"}), 1);
  EXPECT_EQ(out_, "piece\npiece\n");
  EXPECT_EQ(err_, "error: unexpected EOF\n");
}

TEST_F(GetTest, ASelectorBesideFilesIsAboutWhatTheseName) {
  const std::string pod = R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p",
                              "namespace": "a", "labels": {"app": "web"}}})";
  server_ = ServerOf("", {}, {{"/api/v1/namespaces/a/pods/p", pod}});
  input_ = pod;
  EXPECT_EQ(Run("get", {"-f", "-", "-l", "app=web", "--field-selector=a=b", "-o", "name"}), 0)
      << err_;
  EXPECT_EQ(out_, "pod/p\n");
  EXPECT_EQ(Run("get", {"-f", "-", "-l", "app!=web", "-n", "a"}), 0) << err_;
  EXPECT_EQ(out_ + err_, "No resources found in a namespace.\n");
  EXPECT_EQ(Run("get", {"-f", "-", "-l", "a b"}), 1);
  EXPECT_TRUE(err_.starts_with("error: the provided selector \"a b\" is not valid: ")) << err_;
}

TEST_F(GetTest, WhatAFileNamesIsShownWhereverItIs) {
  const std::string pod =
      R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "a"}})";
  server_ = ServerOf("", {}, {{"/api/v1/namespaces/a/pods/p", pod}});
  input_ = pod;
  EXPECT_EQ(Run("get", {"-f", "-", "-A", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "pod/p\n");
  EXPECT_EQ(Run("get", {"pod", "p", "-A", "-o", "name"}), 1);
  EXPECT_EQ(err_, "error: a resource cannot be retrieved by name across all namespaces\n");
}

TEST_F(GetTest, AKindBesidePairsIsToldBeforeWhatIsWrongWithThese) {
  server_ = ServerOf("", {}, {});
  EXPECT_EQ(Run("get", {"pod/", "svc"}), 1);
  EXPECT_THAT(err_, testing::StartsWith("error: there is no need to specify a resource type as a "
                                        "separate argument"));
}

// kubectl prints no table that it cannot sort, and then says that there was none.
TEST_F(GetTest, WhyATableCannotBeSortedIsToldToWhoSaysSkiff) {
  server_ = ServerOf("example.com", {{"widgets", "Widget"}},
                     {{"/apis/example.com/v1/namespaces/default/widgets",
                       R"({"apiVersion": "example.com/v1", "kind": "WidgetList", "items": [
                          {"metadata": {"name": "one", "labels": {"a": "b"}}},
                          {"metadata": {"name": "two"}}]})"}});
  EXPECT_EQ(Run("get", {"widgets", "--sort-by=.metadata.labels"}), 1);
  EXPECT_EQ(err_,
            "error: Field {.metadata.labels} is an unsortable type: map[string]interface {}\n");
  const std::vector<std::string> absent = {"widgets", "--sort-by=.nothing"};
  EXPECT_EQ(Run("get", absent), 0);
  EXPECT_EQ(out_ + err_, "No resources found in default namespace.\n");
  EXPECT_EQ(Run("get", {"widgets", "--sort-by=.nothing", "-o", "name"}), 1);
  program_ = "skiff";
  EXPECT_EQ(Run("get", absent), 1);
  EXPECT_EQ(err_,
            "error: couldn't find any field with path \"{.nothing}\" in the list of objects\n");
}

// As kubectl's tables have it; other forms tell an error that is alone as one.
TEST_F(GetTest, WhatIsWrongBesideATableHasNoWordBeforeIt) {
  server_ = ServerOf("example.com", {}, {});
  input_ = "a: [";
  EXPECT_EQ(Run("get", {"-f", "-"}), 1);
  EXPECT_TRUE(err_.starts_with("error parsing STDIN: ")) << err_;
  EXPECT_EQ(Run("get", {"-f", "-", "-o", "name"}), 1);
  EXPECT_TRUE(err_.starts_with("error: error parsing STDIN: ")) << err_;
  const std::string wrong = "invalid namespace \"a/b\": [may not contain '/']\n";
  EXPECT_EQ(Run("get", {"pods", "-n", "a/b"}), 1);
  EXPECT_EQ(err_, wrong);
  EXPECT_EQ(Run("get", {"pods", "-n", "a/b", "-o", "name"}), 1);
  EXPECT_EQ(err_, "error: " + wrong);
}

// As kubectl reads kinds: how a group begins will do where none is called so.
TEST_F(GetTest, AGroupIsMeantByHowItBegins) {
  server_ = ServerOf("example.com", {{"widgets", "Widget"}},
                     {{"/apis/example.com/v1/namespaces/default/widgets",
                       R"({"apiVersion": "example.com/v1", "kind": "WidgetList", "items": [
                          {"metadata": {"name": "one"}}]})"}});
  EXPECT_EQ(Run("get", {"widgets.exam", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "widget.example.com/one\n");
  EXPECT_EQ(Run("get", {"widgets.ample", "-o", "name"}), 1);
}

TEST_F(GetTest, ListsAreAskedForInPagesOfWhatTheUserSays) {
  std::vector<std::string> asked;
  server_ = [&](const http::Request& request) {
    std::string query = request.path;
    for (const auto& [key, value] : request.query) query += " " + key + "=" + value;
    asked.push_back(query);
    http::Response response;
    const bool first = !request.HasQuery("continue");
    response.body = fmt::format(R"({{"kind": "List", "items": [{{"metadata": {{"name": "{}"}}}}],
                                "metadata": {{"continue": "{}"}}}})",
                                first ? "one" : "two", first ? "more" : "");
    return response;
  };
  const std::string roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles ";
  EXPECT_EQ(Run("describe", {"clusterroles", "--chunk-size=1"}), 0) << err_;
  EXPECT_THAT(asked, testing::ElementsAre(roles + "limit=1", roles + "continue=more limit=1"));
  asked.clear();
  EXPECT_EQ(Run("get", {"clusterroles", "--chunk-size=1", "-o", "name"}), 0) << err_;
  EXPECT_THAT(asked, testing::ElementsAre(roles + "limit=1", roles + "continue=more limit=1"));
}

TEST_F(GetTest, AFileThatLacksAKindIsToldOfWithWhatStandsInIt) {
  server_ = ServerOf("example.com", {}, {});
  input_ = "apiVersion: v1\nind: Pod\n";
  EXPECT_EQ(Run("get", {"-f", "-", "-o", "name"}), 1);
  EXPECT_EQ(err_,
            "error: unable to decode \"STDIN\": Object 'Kind' is missing in "
            "'{\"apiVersion\":\"v1\",\"ind\":\"Pod\"}'\n");
  EXPECT_EQ(Run("create", {"-f", "-"}), 1);
  EXPECT_EQ(err_,
            "error: error validating \"STDIN\": error validating data: kind not set; if you "
            "choose to ignore these errors, turn validation off with --validate=false\n");
}

// As kubectl, which asks the server for each object as it reads the file.
TEST_F(GetTest, WhatFilesSayAndTheServerLacksIsToldInTheOrderOfTheFiles) {
  server_ = ServerOf("example.com", {{"widgets", "Widget"}}, {});
  const std::string unknown = "apiVersion: example.com/v1\nkind: Nope\nmetadata: {name: a}\n---\n";
  const std::string missing =
      "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: b}\n---\n";
  const std::vector<std::vector<std::string>> verbs = {
      {"get"}, {"get", "-o", "name"}, {"label", "a=b"}, {"annotate", "a=b"}, {"edit"}};
  for (const std::vector<std::string>& verb : verbs) {
    std::vector<std::string> args(verb.begin() + 1, verb.end());
    args.insert(args.end(), {"-f", "-"});
    for (const bool unknown_first : {true, false}) {
      input_ = unknown_first ? unknown + missing : missing + unknown;
      EXPECT_EQ(Run(verb[0], args), 1);
      const size_t of_unknown = err_.find("no matches for kind \"Nope\"");
      const size_t of_missing = err_.find("(NotFound)");
      ASSERT_NE(of_unknown, std::string::npos) << verb[0] << ": " << err_;
      ASSERT_NE(of_missing, std::string::npos) << verb[0] << ": " << err_;
      EXPECT_EQ(of_unknown < of_missing, unknown_first) << verb[0] << ": " << err_;
    }
  }
}

TEST_F(GetTest, VerbsThatKubectlHasForItsOwnKindsAloneSaySo) {
  server_ = ServerOf("example.com", {}, {});
  input_ = "apiVersion: example.com/v1\nkind: Nope\nmetadata: {name: a}\n";
  for (const std::vector<std::string>& verb :
       std::vector<std::vector<std::string>>{{"rollout", "restart"},
                                             {"set", "env", "A=B"},
                                             {"expose", "--port=1"},
                                             {"auth", "reconcile"}}) {
    std::vector<std::string> args(verb.begin() + 1, verb.end());
    args.insert(args.end(), {"-f", "-"});
    program_ = "kubectl";
    EXPECT_EQ(Run(verb[0], args), 1) << verb[0];
    EXPECT_EQ(err_,
              "error: unable to decode \"STDIN\": no kind \"Nope\" is registered for version "
              "\"example.com/v1\" in scheme \"k8s.io/kubectl/pkg/scheme/scheme.go:28\"\n");
    program_ = "skiff";
    EXPECT_EQ(Run(verb[0], args), 1) << verb[0];
    EXPECT_THAT(err_, testing::HasSubstr("resource mapping not found for name: \"a\"")) << verb[0];
  }
}

TEST_F(GetTest, AFileOfNothingIsNothingFound) {
  server_ = ServerOf("example.com", {}, {});
  EXPECT_EQ(Run("get", {"-f", "-"}), 0);
  EXPECT_EQ(out_ + err_, "No resources found in default namespace.\n");
}

// As client-go has it, ten times at most.
TEST_F(GetTest, AServerThatSaysWhenToAskAgainIsAskedAgain) {
  int refusals = 2, asked = 0;
  std::string after = "1";
  server_ = [&](const http::Request&) {
    http::Response response;
    response.status = ++asked <= refusals ? 429 : 200;
    response.body = asked <= refusals ? R"({"kind": "Status", "reason": "TooManyRequests",
                                            "message": "busy", "code": 429})"
                                      : "ok";
    if (asked <= refusals && !after.empty()) response.SetHeader("Retry-After", after);
    return response;
  };
  EXPECT_EQ(Run("get", {"--raw", "/x"}), 0) << err_;
  EXPECT_EQ(out_, "ok");
  EXPECT_EQ(pauses_, 2);
  asked = 0;
  refusals = 100;
  EXPECT_EQ(Run("get", {"--raw", "/x"}), 1);
  EXPECT_EQ(asked, 11);
  EXPECT_EQ(err_, "Error from server (TooManyRequests): busy\n");
  for (const char* no_time : {"", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    asked = 0;
    after = no_time;
    EXPECT_EQ(Run("get", {"--raw", "/x"}), 1);
    EXPECT_EQ(asked, 1) << no_time;
  }
}

TEST_F(GetTest, KindsOfAServerThatIsAwayAreMissed) {
  const auto answers = ServerOf("example.com", {{"widgets", "Widget"}}, {});
  bool is_away = false;
  server_ = [&](const http::Request& request) {
    http::Response response = answers(request);
    if (is_away && request.path == "/apis/example.com/v1") response.status = 503;
    return response;
  };
  EXPECT_EQ(Run("api-resources", {"-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "pods\nwidgets.example.com\n");
  is_away = true;
  EXPECT_EQ(Run("api-resources", {"-o", "name"}), 1);
  EXPECT_EQ(out_, "pods\n");
  EXPECT_EQ(err_,
            "error: unable to retrieve the complete list of server APIs: example.com/v1: stale "
            "GroupVersion discovery: example.com/v1\n");
}

// The end of a watch in which nothing happened.
class NoEvents final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override { return http::Pulled::kEnd; }
};

constexpr char kMapA[] = R"({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "<"},
    "metadata": {"name": "a", "managedFields": [{"manager": "m"}]}})";

TEST_F(GetTest, SeveralNamesAreShownAndNotWatched) {
  const std::string maps = "/api/v1/namespaces/default/configmaps/";
  server_ = ServerOf("", {}, {{maps + "a", kMapA}, {maps + "b", kMapA}});
  EXPECT_EQ(Run("get", {"cm", "a", "b", "-w", "-o", "name"}), 1);
  EXPECT_EQ(out_, "configmap/a\nconfigmap/a\n");
  EXPECT_EQ(err_, "error: you may only watch a single resource or type of resource at a time\n");
  EXPECT_EQ(Run("get", {"cm", "a", "none", "-w", "-o", "name"}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, testing::Not(testing::HasSubstr("single resource")));
  EXPECT_EQ(Run("get", {"cm", "a", "none", "-w", "-o", "name", "--ignore-not-found"}), 0) << err_;
}

TEST_F(GetTest, AnEventInJsonIsOneLineWithAllThatItsObjectHas) {
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  server_ = [&, answer = ServerOf("", {}, {{maps + "/a", kMapA}})](const http::Request& request) {
    if (request.path != maps) return answer(request);
    http::Response response;
    response.status = 200;
    response.stream = std::make_unique<NoEvents>();
    return response;
  };
  EXPECT_EQ(Run("get", {"cm/a", "-w", "--output-watch-events", "-o", "json"}), 0) << err_;
  EXPECT_EQ(out_, R"({"type":"ADDED","object":{"apiVersion":"v1","data":{"k":"\u003c"},"kind":)"
                  R"("ConfigMap","metadata":{"managedFields":[{"manager":"m"}],"name":"a"}}})"
                  "\n");
  EXPECT_EQ(Run("get", {"cm/a", "-w", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, testing::Not(testing::HasSubstr("managedFields")));
}

TEST_F(GetTest, WhatIsNoObjectIsToldOfByWhatItIs) {
  server_ = ServerOf("", {}, {});
  const std::string why = "json: cannot unmarshal ";
  input_ = "just a text\n";
  EXPECT_EQ(Run("get", {"-f", "-", "-o", "name"}), 1);
  EXPECT_EQ(err_, "error: unable to decode \"STDIN\": " + why +
                      "string into Go value of type unstructured.detector\n");
  input_ = "[]\n";
  EXPECT_EQ(Run("delete", {"-f", "-"}), 1);
  EXPECT_EQ(err_, "error: unable to decode \"STDIN\": " + why +
                      "array into Go value of type unstructured.detector\n");
}

}  // namespace
}  // namespace skiff::cli
