// Conversations with extenders that are HTTP servers of their own.
#include "controllers/scheduler/extenders/extenders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>

#include "api/codec/json.h"
#include "controllers/scheduler/scheduling_fixture.h"
#include "http/server.h"
#include "http/x509_test_certs.h"

namespace skiff::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Answers what it is told to, by the verb.
class ExtenderServer final : public http::Handler {
 public:
  using Answer = std::function<http::Response(const http::Request& request)>;
  explicit ExtenderServer(std::optional<http::ServerTls> tls = std::nullopt)
      : server_(*http::Server::Start(
            {.tls = std::move(tls),
             .limits = {.body_bytes_max = kBodyBytesMax,
                        .intake_bytes_max = kBodyBytesMax,
                        .intake_bytes_per_address_max = kBodyBytesMax}},
            loops_, *this)) {}
  http::Response Handle(const http::Request& request) override {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request.path);
      answer = answers_[request.path];
    }
    return answer ? answer(request) : http::Response{.status = 404};
  }
  void On(const std::string& path, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[path] = std::move(answer);
  }
  void Says(const std::string& path, const std::string& body, int status = 200) {
    On(path, [=](const http::Request&) { return http::Response{.status = status, .body = body}; });
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  int port() const { return server_->port(); }

 private:
  static constexpr size_t kBodyBytesMax = size_t{1} << 28;

  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<std::string> asked_;
  http::Loops loops_{1};
  std::unique_ptr<http::Server> server_;
};

// Woken by whoever tells it.
class ExtenderBell {
 public:
  ExtenderTold told() {
    return [this] {
      const std::lock_guard lock(mutex_);
      rung_ = true;
      changed_.notify_all();
    };
  }
  void Await() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return rung_; }));
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

ExtenderOptions AtPort(int port, const std::string& scheme = "http") {
  ExtenderOptions options;
  options.url_prefix = scheme + "://127.0.0.1:" + std::to_string(port) + "/base/";
  options.filter_verb = "filter";
  options.node_cache_capable = true;
  options.timeout = 30s;
  return options;
}

class ExtenderSearchTest : public testing::Test {
 protected:
  // The whole conversation about a pod, and nodes a, b and c.
  Result<ExtenderFindings> Ask(std::vector<ExtenderOptions> options, PodEdit edit = nullptr) {
    const auto extenders = *Extenders::Make(std::move(options));
    const PodInfoPtr pod = edit ? PodOf("p", 5, "1", edit) : PodOf("p", 5, "1");
    std::vector<NodePtr> nodes;
    for (const char* name : {"a", "b", "c"}) {
      auto node = std::make_shared<core_v1::Node>();
      node->metadata.name = name;
      nodes.push_back(node);
    }
    ExtenderSearch search(*extenders, pod->pod, nodes, bell_.told());
    for (;;) {
      if (auto findings = search.Step(0s)) return *std::move(findings);
      bell_.Await();
    }
  }
  std::string ErrorOf(std::vector<ExtenderOptions> options) {
    const auto findings = Ask(std::move(options));
    return findings ? "" : findings.error().message;
  }
  std::string Url(const char* verb) {
    return "http://127.0.0.1:" + std::to_string(first_.port()) + "/base/" + verb;
  }

  ExtenderServer first_, second_;
  ExtenderBell bell_;
};

TEST_F(ExtenderSearchTest, EachExtenderSeesWhatTheOnesBeforeItHaveLeft) {
  first_.Says("/base/filter", R"({"NodeNames": ["a", "c"], "FailedNodes": {"b": "too hot"}})");
  Json seen;
  second_.On("/base/filter", [&](const http::Request& request) {
    seen = *ParseJson(request.body);
    return http::Response{.body = R"({"Nodes": {"items": [{"metadata": {"name": "c"}}]},
      "FailedNodes": {"a": "full"}, "FailedAndUnresolvableNodes": {"a": "never"}})"};
  });
  ExtenderOptions whole = AtPort(second_.port());
  whole.node_cache_capable = false;
  const auto findings = Ask({AtPort(first_.port()), whole});
  ASSERT_TRUE(findings) << findings.error().message;
  EXPECT_THAT(findings->nodes, ElementsAre("c"));
  ASSERT_EQ(findings->refused.size(), 2u);
  EXPECT_EQ(findings->refused.at("b").reason, "too hot");
  EXPECT_TRUE(findings->refused.at("b").may_change);
  EXPECT_EQ(findings->refused.at("a").reason, "never") << "it counts before the other";
  EXPECT_FALSE(findings->refused.at("a").may_change);
  ASSERT_EQ(seen["Nodes"]["items"].size(), 2u);
  EXPECT_EQ(seen["Nodes"]["items"][1]["metadata"]["name"], "c");
}

TEST_F(ExtenderSearchTest, NobodyIsAskedAboutNoNodes) {
  first_.Says("/base/filter", R"({"NodeNames": []})");
  const auto findings = Ask({AtPort(first_.port()), AtPort(second_.port())});
  ASSERT_TRUE(findings) << findings.error().message;
  EXPECT_TRUE(findings->nodes.empty());
  EXPECT_TRUE(second_.asked().empty());
}

TEST_F(ExtenderSearchTest, WhoIsNotInterestedIsNotAsked) {
  ExtenderOptions options = AtPort(first_.port());
  options.managed_resources = {"example.com/gpu"};
  EXPECT_THAT(Ask({options})->nodes, ElementsAre("a", "b", "c"));
  EXPECT_TRUE(first_.asked().empty());
}

TEST_F(ExtenderSearchTest, ScoresAreWeighedAndOfNodesThatAreLeft) {
  first_.Says("/base/filter", R"({"NodeNames": ["a", "b"]})");
  first_.Says(
      "/base/prioritize",
      R"([{"Host": "a", "Score": 10}, {"Host": "c", "Score": 10}, {"Host": "?", "Score": 1}])");
  second_.Says("/base/prioritize", R"([{"Host": "a", "Score": 1}, {"Host": "b", "Score": 2}])");
  ExtenderOptions one = AtPort(first_.port()), two = AtPort(second_.port());
  one.prioritize_verb = two.prioritize_verb = "prioritize";
  two.filter_verb = "";
  one.weight = 5;
  two.weight = 3;
  const auto findings = Ask({one, two});
  ASSERT_TRUE(findings) << findings.error().message;
  EXPECT_THAT(findings->scores, ElementsAre(Pair("a", 10 * 5 * 10 + 1 * 3 * 10), Pair("b", 60)));
}

TEST_F(ExtenderSearchTest, WhoCannotScoreHasNoSay) {
  first_.Says("/base/prioritize", "oops");
  second_.Says("/base/prioritize", R"([{"Host": "a", "Score": 1}])");
  ExtenderOptions one = AtPort(first_.port()), two = AtPort(second_.port());
  one.filter_verb = two.filter_verb = "";
  one.prioritize_verb = two.prioritize_verb = "prioritize";
  one.weight = two.weight = 1;
  const auto findings = Ask({one, two});
  ASSERT_TRUE(findings) << findings.error().message;
  EXPECT_THAT(findings->scores, ElementsAre(Pair("a", 10)));
}

TEST_F(ExtenderSearchTest, WhoFailsFailsThePodUnlessItMayBePassedOver) {
  first_.Says("/base/filter", R"({"Error": "no idea"})");
  EXPECT_EQ(ErrorOf({AtPort(first_.port())}), "no idea");
  first_.Says("/base/filter", "", 500);
  EXPECT_EQ(ErrorOf({AtPort(first_.port())}),
            "failed filter with extender at URL " + Url("filter") + ", code 500");
  first_.Says("/base/filter", "");
  EXPECT_EQ(ErrorOf({AtPort(first_.port())}), "EOF");
  first_.Says("/base/filter", R"({"NodeNames": ["a", "elsewhere"]})");
  EXPECT_EQ(ErrorOf({AtPort(first_.port())}),
            "extender \"" + Url("") +
                "\" claims a filtered node \"elsewhere\" which is not found "
                "in the input node list");
  second_.Says("/base/filter", R"({"NodeNames": ["b"]})");
  ExtenderOptions ignorable = AtPort(first_.port());
  ignorable.ignorable = true;
  EXPECT_THAT(Ask({ignorable, AtPort(second_.port())})->nodes, ElementsAre("b"));
}

TEST_F(ExtenderSearchTest, ANodeThatWasNotAskedAboutIsRefusedInWholeListsToo) {
  first_.Says("/base/filter", R"({"Nodes": {"items": [{"metadata": {"name": "elsewhere"}}]}})");
  ExtenderOptions options = AtPort(first_.port());
  options.node_cache_capable = false;
  EXPECT_THAT(ErrorOf({options}), HasSubstr("claims a filtered node \"elsewhere\""));
}

TEST_F(ExtenderSearchTest, WhoCannotBeReachedIsSaidInGosWords) {
  ExtenderOptions options = AtPort(1);
  EXPECT_EQ(ErrorOf({options}),
            "Post \"http://127.0.0.1:1/base/filter\": dial tcp 127.0.0.1:1: connect: connection "
            "refused");
}

TEST_F(ExtenderSearchTest, NobodyIsWaitedForBeyondItsTime) {
  // The question may still be on its way when the test has ended.
  std::promise<void> held;
  first_.On("/base/filter", [end = held.get_future().share()](const http::Request&) {
    end.wait();
    return http::Response{};
  });
  const auto extenders = *Extenders::Make({AtPort(first_.port())});
  const NodePtr node = std::make_shared<core_v1::Node>();
  ExtenderSearch search(*extenders, PodOf("p", 5, "1")->pod, {node}, bell_.told());
  EXPECT_FALSE(search.Step(10s));
  EXPECT_EQ(search.due(), 40s);
  EXPECT_FALSE(search.Step(39s));
  const auto late = search.Step(40s);
  ASSERT_TRUE(late);
  ASSERT_FALSE(*late);
  EXPECT_EQ(late->error().message,
            "Post \"" + Url("filter") +
                "\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
}

TEST_F(ExtenderSearchTest, AnAnswerWithoutEndIsNotReadToItsEnd) {
  first_.Says("/base/filter", std::string(kExtenderAnswerBytesMax + (1 << 20), ' '));
  EXPECT_THAT(ErrorOf({AtPort(first_.port())}), HasSubstr("the answer is longer than"));
}

TEST_F(ExtenderSearchTest, FiveThousandWholeNodesGoThereAndBack) {
  first_.On("/base/filter", [](const http::Request& request) {
    // Indented, as some servers answer.
    return http::Response{.body = Json({{"Nodes", (*ParseJson(request.body))["Nodes"]}}).dump(4)};
  });
  ExtenderOptions options = AtPort(first_.port());
  options.node_cache_capable = false;
  const auto extenders = *Extenders::Make({options});
  std::vector<NodePtr> nodes;
  for (int i = 0; i < 5000; ++i) {
    auto node = std::make_shared<core_v1::Node>();
    node->metadata.name = "node-" + std::to_string(i);
    for (int image = 0; image < 40; ++image) {
      node->status.images.emplace_back().names = {"registry.example.com/team/image@sha256:" +
                                                  std::string(64, 'a')};
    }
    nodes.push_back(node);
  }
  ExtenderSearch search(*extenders, PodOf("p", 5, "1")->pod, nodes, bell_.told());
  std::optional<Result<ExtenderFindings>> findings;
  while (!(findings = search.Step(0s))) bell_.Await();
  ASSERT_TRUE(*findings) << findings->error().message;
  EXPECT_EQ((*findings)->nodes.size(), 5000u);
}

TEST(ExtenderTlsTest, AServerIsKnownByItsAuthorityAndAClientByItsCertificate) {
  http::testing::TestAuthority authority, stranger;
  const auto leaf = authority.IssueServer();
  ExtenderServer server(
      http::ServerTls{leaf.certificate_pem, leaf.key_pem, authority.certificate_pem()});
  std::string client_name;
  server.On("/base/bind", [&](const http::Request& request) {
    client_name = request.peer_certificate ? request.peer_certificate->common_name : "nobody";
    return http::Response{.body = "{}"};
  });
  const auto ask = [&](const ExtenderOptions::Tls& tls) {
    ExtenderOptions options = AtPort(server.port(), "https");
    options.bind_verb = "bind";
    options.tls = tls;
    const auto extenders = *Extenders::Make({options});
    ExtenderBell bell;
    ExtenderBindings bindings;
    std::optional<Result<>> outcome;
    const PodPtr pod = PodOf("p", 5, "1")->pod;
    bindings.Begin(*extenders->BinderOf(*pod), pod, "a", 0s, bell.told(),
                   [&](Result<> bound) { outcome = std::move(bound); });
    while (!outcome) {
      bell.Await();
      bindings.Deliver(0s);
    }
    return *outcome ? std::string("bound") : outcome->error().message;
  };
  const auto client = authority.Issue({.common_name = "scheduler", .key_usage = "clientAuth"});
  EXPECT_EQ(ask({.ca_pem = authority.certificate_pem(),
                 .certificate_pem = client.certificate_pem,
                 .key_pem = client.key_pem}),
            "bound");
  EXPECT_EQ(client_name, "scheduler");
  EXPECT_EQ(ask({.insecure = true}), "bound");
  EXPECT_EQ(client_name, "nobody");
  EXPECT_THAT(ask({.ca_pem = stranger.certificate_pem()}), HasSubstr("certificate"));
  EXPECT_THAT(ask({.server_name = "other.example.com", .ca_pem = authority.certificate_pem()}),
              HasSubstr("certificate"));
}

TEST(ExtenderTlsTest, ACertificateThatIsRenewedIsShownFromThenOn) {
  http::testing::TestAuthority authority;
  const auto leaf = authority.IssueServer();
  ExtenderServer server(
      http::ServerTls{leaf.certificate_pem, leaf.key_pem, authority.certificate_pem()});
  std::vector<std::string> clients;
  server.On("/base/filter", [&](const http::Request& request) {
    clients.push_back(request.peer_certificate->common_name);
    return http::Response{.body = R"({"NodeNames": ["a"]})"};
  });
  const auto issue = [&](const std::string& name) {
    const auto issued = authority.Issue({.common_name = name, .key_usage = "clientAuth"});
    return ExtenderOptions::CertificateAndKey{issued.certificate_pem, issued.key_pem};
  };
  const auto first = issue("first"), second = issue("second");
  auto files = first;
  ExtenderOptions options = AtPort(server.port(), "https");
  options.tls = {.ca_pem = authority.certificate_pem(),
                 .certificate_pem = first.certificate_pem,
                 .key_pem = first.key_pem,
                 .renewed = [&] { return files; }};
  const auto extenders = *Extenders::Make({options});
  auto node = std::make_shared<core_v1::Node>();
  node->metadata.name = "a";
  const auto ask = [&](Duration now) {
    ExtenderBell bell;
    ExtenderSearch search(*extenders, PodOf("p", 5, "1")->pod, {node}, bell.told());
    for (;;) {
      if (auto findings = search.Step(now)) return findings->has_value();
      bell.Await();
    }
  };
  EXPECT_TRUE(ask(0s));
  files.certificate_pem = second.certificate_pem;
  EXPECT_TRUE(ask(10s)) << "its key is not there yet";
  files = second;
  EXPECT_TRUE(ask(20s));
  EXPECT_THAT(clients, ElementsAre("first", "first", "second"));
}

class ExtenderPreemptionTest : public testing::Test {
 protected:
  ExtenderPreemptionTest() {
    for (const char* name : {"a", "b"}) {
      NodeInfo& node = nodes_[name];
      auto object = std::make_shared<core_v1::Node>();
      object->metadata.name = name;
      node.SetNode(object);
      for (const char* pod : {"1", "2"}) node.AddPod(PodOf(std::string(name) + pod, 1, "1"));
      node.AddPod(PodOf(std::string(name) + "9", 9, "1"));
    }
  }
  Result<std::vector<Victims>> Ask(const std::string& answer, bool ignorable = false) {
    server_.Says("/base/preempt", answer);
    ExtenderOptions options = AtPort(server_.port());
    options.preempt_verb = "preempt";
    options.ignorable = ignorable;
    const auto extenders = *Extenders::Make({options});
    std::vector<Victims> candidates;
    for (const char* name : {"a", "b"}) {
      candidates.push_back({name, {nodes_[name].pods.at(std::string(name) + "1")}, 0});
    }
    ExtenderPreemption preemption(*extenders, PodOf("p", 5, "1"), candidates, bell_.told());
    const auto find = [&](const std::string& name) {
      const auto found = nodes_.find(name);
      return found == nodes_.end() ? nullptr : &found->second;
    };
    for (;;) {
      if (auto left = preemption.Step(0s, find)) return *std::move(left);
      bell_.Await();
    }
  }
  std::string ErrorOf(const std::string& answer) {
    const auto left = Ask(answer);
    return left ? "" : left.error().message;
  }

  std::map<std::string, NodeInfo> nodes_;
  ExtenderServer server_;
  ExtenderBell bell_;
};

TEST_F(ExtenderPreemptionTest, WhoIsNamedGoes) {
  const auto left = Ask(R"({"NodeNameToMetaVictims":
    {"b": {"Pods": [{"UID": "b1"}, {"UID": "b2"}, {"UID": "b1"}], "NumPDBViolations": 1}}})");
  ASSERT_TRUE(left) << left.error().message;
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ((*left)[0].node, "b");
  EXPECT_EQ((*left)[0].budget_violations, 1);
  EXPECT_THAT(NamesOf((*left)[0].pods), UnorderedElementsAre("b1", "b2"));
  EXPECT_TRUE(Ask("{}")->empty());
}

TEST_F(ExtenderPreemptionTest, NobodyGoesWhoIsNotThereOrAsImportant) {
  EXPECT_THAT(
      ErrorOf(R"({"NodeNameToMetaVictims": {"a": {"Pods": [{"UID": "b1"}]}}})"),
      HasSubstr("claims to preempt pod (UID: &{b1}) on node: a, but the pod is not found on "
                "that node"));
  EXPECT_THAT(ErrorOf(R"({"NodeNameToMetaVictims": {"a": {"Pods": [{"UID": "a9"}]}}})"),
              HasSubstr("is not less important"));
  EXPECT_EQ(ErrorOf(R"({"NodeNameToMetaVictims": {"c": {"Pods": [{"UID": "a1"}]}}})"),
            "nodeinfo not found for node name \"c\"");
  const std::string none = R"({"NodeNameToMetaVictims": {"a": {"Pods": []}}})";
  EXPECT_EQ(ErrorOf(none), "expected at least one victim pod on node \"a\"");
  EXPECT_TRUE(Ask(none, /*ignorable=*/true)->empty());
  const auto passed_over = Ask("oops", /*ignorable=*/true);
  ASSERT_TRUE(passed_over);
  EXPECT_EQ(passed_over->size(), 2u);
}

TEST(ExtendersTest, ThoseThatMayBePassedOverAreAskedLast) {
  ExtenderOptions ignorable = AtPort(1), other = AtPort(2);
  ignorable.ignorable = true;
  other.filter_verb = "";
  other.bind_verb = "bind";
  const auto extenders = *Extenders::Make({ignorable, other});
  EXPECT_TRUE(extenders->clients()[1]->options().ignorable);
  const PodPtr pod = PodOf("p", 5, "1")->pod;
  EXPECT_EQ(extenders->BinderOf(*pod), extenders->clients()[0].get());
  EXPECT_TRUE(extenders->Judge(*pod));
  EXPECT_FALSE(extenders->JudgePreemption(*pod));
  EXPECT_TRUE(extenders->CompareNodes());
}

}  // namespace
}  // namespace skiff::scheduler
