// Requests of parts of the same process, which send structs (decision 0067): what is made of them
// is what would be made of their texts.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/text/time_text.h"
#include "apiserver/server/server_fixture.h"
#include "client/client.h"
#include "client/informer.h"
#include "client/transport.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;

class HandedObjectsTest : public ServerFixture {
 protected:
  using Bodies = InProcessTransport::Bodies;
  http::Response Handle(const http::Request& request, const User& user) {
    ++(request.handed ? handed_ : texts_);
    return server_->Handle(request, user);
  }
  static User Named(const std::string& name) {
    return {.name = name, .groups = {std::string(kGroupAuthenticated)}};
  }
  InProcessTransport As(const User& user, Bodies bodies = Bodies::kObjects) {
    return InProcessTransport(
        [this, user](const http::Request& request) { return Handle(request, user); }, bodies);
  }
  static Pod PodNamed(const std::string& name) {
    Pod pod;
    pod.metadata.namespace_ = "default";
    pod.metadata.name = name;
    pod.metadata.labels["app"] = "web";
    auto& container = pod.spec.containers.emplace_back();
    container.name = "main";
    container.image = "example.com/image:1";
    container.resources.requests["cpu"] = *Quantity::Parse("0.1");
    return pod;
  }
  // As a client reads it, but without who owns what: structs are handed without that.
  Pod Read(const std::string& name) {
    const auto read = by_text_.Get<Pod>({"default", name});
    EXPECT_TRUE(read);
    if (!read) return {};
    EXPECT_FALSE((*read)->metadata.managed_fields.empty());
    Pod pod = **read;
    pod.metadata.managed_fields.clear();
    return pod;
  }
  // Without what tells one object of the same contents from another.
  Json Stored(const std::string& name) {
    Json pod = Get("/api/v1/namespaces/default/pods/" + name).body;
    for (const char* own : {"name", "uid", "resourceVersion"}) pod["metadata"].erase(own);
    // A token's volume has a name of its own.
    std::string text = pod.dump();
    const std::string& volume = pod["spec"]["volumes"][0]["name"].get_ref<const std::string&>();
    for (size_t at; (at = text.find(volume)) != text.npos;) text.replace(at, volume.size(), "_");
    return Json::parse(text);
  }

  int handed_ = 0;
  int texts_ = 0;
  InProcessTransport objects_ = As(LoopbackUser());
  InProcessTransport text_ = As(LoopbackUser(), Bodies::kText);
  Client by_object_{objects_, "part/one"};
  Client by_text_{text_, "part/one"};
};

TEST_F(HandedObjectsTest, WhatIsMadeOfAStructIsWhatIsMadeOfItsText) {
  const auto handed = by_object_.Create(PodNamed("a"));
  const auto sent = by_text_.Create(PodNamed("b"));
  ASSERT_TRUE(handed) << handed.error().message;
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(handed_, 1);
  EXPECT_EQ(texts_, 1);
  EXPECT_EQ(Stored("a"), Stored("b"));
  EXPECT_FALSE((*handed)->metadata.uid.empty());
  // The answer is what a client reads.
  EXPECT_EQ(**handed, Read("a"));
}

TEST_F(HandedObjectsTest, UpdatesAndPatchesOfStructsComeToTheSameToo) {
  const Time odd(Instant{1'700'000'000, 5});
  for (Client* client : {&by_object_, &by_text_}) {
    const std::string name = client == &by_object_ ? "a" : "b";
    const auto made = client->Create(PodNamed(name));
    ASSERT_TRUE(made);
    const auto labelled = client->Patch(**made, [](Pod& it) { it.metadata.labels["x"] = "y"; });
    ASSERT_TRUE(labelled) << labelled.error().message;
    const auto told = client->PatchStatus(**labelled, [&](Pod& it) {
      it.spec.node_name = "is no status";
      it.status.phase = "Running";
      auto& condition = it.status.conditions.emplace_back();
      condition.type = "Ready";
      condition.status = "True";
      condition.last_transition_time = odd;
    });
    ASSERT_TRUE(told) << told.error().message;
    Pod changed = **told;
    changed.metadata.labels.erase("app");
    const auto put = client->Update(changed);
    ASSERT_TRUE(put) << put.error().message;
    Pod shown = **put;
    shown.metadata.managed_fields.clear();
    EXPECT_EQ(shown, Read(name));
  }
  const Json stored = Stored("a");
  EXPECT_EQ(stored, Stored("b"));
  EXPECT_EQ(stored["status"]["phase"], "Running");
  EXPECT_EQ(stored["status"]["conditions"][0]["lastTransitionTime"], "2023-11-14T22:13:20Z");
  EXPECT_FALSE(stored["spec"].contains("nodeName"));
  EXPECT_EQ(stored["metadata"]["labels"], Json({{"x", "y"}}));
}

// What others wrote meanwhile stays, as with any patch.
TEST_F(HandedObjectsTest, APatchOfAnOlderVersionIsApplied) {
  ConfigMap map;
  map.metadata.namespace_ = "default";
  map.metadata.name = "a";
  const auto made = by_object_.Create(map);
  ASSERT_TRUE(made);
  Merge("/api/v1/namespaces/default/configmaps/a", R"({"data": {"theirs": "1"}})");
  const auto ours = by_object_.Patch(**made, [](ConfigMap& it) { it.data["ours"] = "2"; });
  ASSERT_TRUE(ours) << ours.error().message;
  const std::map<std::string, std::string> both = {{"ours", "2"}, {"theirs", "1"}};
  EXPECT_EQ((*ours)->data, both);
  const auto late = by_object_.Patch(
      **made, [](ConfigMap& it) { it.data["late"] = "3"; }, {.if_unchanged = true});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kConflict);
  // A namesake is another object.
  ASSERT_TRUE(by_object_.Delete(**ours));
  ASSERT_TRUE(by_object_.Create(map));
  for (Client* client : {&by_object_, &by_text_}) {
    const auto other = client->Patch(**ours, [](ConfigMap& it) { it.data["x"] = "y"; });
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().reason, Reason::kInvalid);
  }
}

// The answer shows what is kept, and not when it would have been written.
TEST_F(HandedObjectsTest, APatchThatComesToNothingWritesNothing) {
  const auto made = by_object_.Create(PodNamed("a"));
  ASSERT_TRUE(made);
  clock_.Advance(5s);
  const auto same = by_object_.PatchStatus(**made, [](Pod& it) { it.spec.hostname = "no-status"; });
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(**same, **made);
}

// Nothing that judges requests is left out.
TEST_F(HandedObjectsTest, WhoMayNotAndWhatIsWrongIsRefusedInTheSameWords) {
  for (const Bodies bodies : {Bodies::kObjects, Bodies::kText}) {
    InProcessTransport stranger = As(Named("alice"), bodies);
    const auto refused = Client(stranger, "x").Create(PodNamed("a"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "pods is forbidden: User \"alice\" cannot create resource \"pods\" in API group \"\" "
              "in the namespace \"default\"");
    Client& client = bodies == Bodies::kObjects ? by_object_ : by_text_;
    Pod pod = PodNamed("Not_A_Name");
    const auto invalid = client.Create(pod);
    ASSERT_FALSE(invalid);
    EXPECT_EQ(invalid.error().reason, Reason::kInvalid);
    EXPECT_EQ(invalid.error().message.find("Pod \"Not_A_Name\" is invalid: metadata.name: Invalid "
                                           "value: \"Not_A_Name\": a lowercase RFC 1123"),
              0u)
        << invalid.error().message;
    pod = PodNamed("b");
    pod.spec.priority_class_name = "unknown";
    const auto unadmitted = client.Create(pod);
    ASSERT_FALSE(unadmitted);
    EXPECT_EQ(unadmitted.error().message,
              "pods \"b\" is forbidden: no PriorityClass with name unknown was found");
  }
}

TEST_F(HandedObjectsTest, WhatIsNoUtf8IsKeptAsAnyTextWouldBe) {
  for (Client* client : {&by_object_, &by_text_}) {
    const std::string name = client == &by_object_ ? "a" : "b";
    const auto made = client->Create(PodNamed(name));
    ASSERT_TRUE(made);
    const auto told = client->PatchStatus(
        **made, [](Pod& it) { it.status.message = "\xffsaid \xe2\x82 in K\xc3\xb6ln"; });
    ASSERT_TRUE(told) << told.error().message;
    EXPECT_EQ((*told)->status.message, "\xef\xbf\xbdsaid \xef\xbf\xbd\xef\xbf\xbd in K\xc3\xb6ln");
    Pod shown = **told;
    shown.metadata.managed_fields.clear();
    EXPECT_EQ(shown, Read(name));
  }
}

TEST_F(HandedObjectsTest, AnswersAreAsLongAsTheirTexts) {
  const std::string sum = "apiserver_response_sizes_sum{verb=\"GET\",group=\"\",version=\"v1\","
                          "resource=\"pods\"";
  const auto seen = [&] {
    const std::string text = Get("/metrics").response.body;
    const size_t at = text.find(sum);
    const size_t end = text.find('\n', at);
    return at == text.npos ? 0 : std::stoul(text.substr(text.rfind(' ', end), end));
  };
  ASSERT_TRUE(by_object_.Create(PodNamed("a")));
  const ObjectKey pod = {"default", "a"};
  ASSERT_TRUE(by_object_.Get<Pod>(pod));
  const size_t handed = seen();
  EXPECT_GT(handed, 1000u);
  ASSERT_TRUE(by_text_.Get<Pod>(pod));
  EXPECT_EQ(seen() - handed, handed);
}

TEST_F(HandedObjectsTest, AStructOfAnotherTypeIsReadAsText) {
  const ConfigMap map;
  http::Request request;
  request.method = "POST";
  request.path = request.target = "/api/v1/namespaces/default/pods";
  request.headers.emplace("Content-Type", "application/json");
  request.handed = std::make_shared<HandedObject>(ConfigMap::Describe(), Borrowed(&map));
  const http::Response answer = server_->Handle(request, LoopbackUser());
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(Json::parse(answer.body)["message"],
            "ConfigMap in version \"v1\" cannot be handled as a Pod: converting (v1.ConfigMap) to "
            "(core.Pod): unknown conversion");
}

TEST_F(HandedObjectsTest, ABindingIsAStruct) {
  const auto made = by_object_.Create(PodNamed("a"));
  ASSERT_TRUE(made);
  const auto bound = by_object_.Bind(**made, "node1");
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(Get("/api/v1/namespaces/default/pods/a").body["spec"]["nodeName"], "node1");
  const auto again = by_object_.Bind(**made, "node2");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kConflict);
}

// Decision 0074.
class SentLaterTest : public HandedObjectsTest {
 protected:
  template <typename T>
  Client::Then<T> Note(std::vector<Result<T>>& outcomes) {
    return [&outcomes](Result<T> outcome) { outcomes.push_back(std::move(outcome)); };
  }
  static Ptr<Pod> Shared(Pod pod) { return std::make_shared<const Pod>(std::move(pod)); }

  InProcessTransport later_{
      [this](const http::Request& request) { return server_->Handle(request, LoopbackUser()); },
      Bodies::kObjects,
      [this](const http::Request& request, const http::LateReplyPtr& reply) {
        auto answer = server_->HandleLater(request, LoopbackUser(), reply);
        left_ += answer ? 0 : 1;
        return answer;
      }};
  Client client_{later_, "part/one"};
  int left_ = 0;
  Mailbox answers_;
};

TEST_F(SentLaterTest, WhatIsSentIsWrittenInItsOrderAndAnsweredByStructs) {
  constexpr int kPods = 200;
  std::vector<Result<Ptr<Pod>>> made;
  for (int i = 0; i < kPods; ++i) {
    answers_.AwaitRoom();
    client_.CreateLater<Pod>(answers_, Shared(PodNamed(std::to_string(i))), Note(made));
  }
  answers_.Settle();
  ASSERT_EQ(made.size(), kPods);
  EXPECT_EQ(left_, kPods) << "nobody waited";
  uint64_t revision = 0;
  for (int i = 0; i < kPods; ++i) {
    ASSERT_TRUE(made[i]) << made[i].error().message;
    EXPECT_EQ((*made[i])->metadata.name, std::to_string(i));
    EXPECT_EQ(**made[i], Read(std::to_string(i)));
    const uint64_t next = std::stoull((*made[i])->metadata.resource_version);
    EXPECT_GT(next, revision);
    revision = next;
  }
}

TEST_F(SentLaterTest, ErrorsReachWhoWrote) {
  std::vector<Result<Ptr<Pod>>> made;
  for (int i = 0; i < 2; ++i) {
    client_.CreateLater<Pod>(answers_, Shared(PodNamed("a")), Note(made));
  }
  Pod wrong = PodNamed("b");
  wrong.spec.containers.clear();
  client_.CreateLater<Pod>(answers_, Shared(wrong), Note(made));
  answers_.Settle();
  ASSERT_EQ(made.size(), 3u);
  // One that is refused is so before what was left to the store is done.
  std::multiset<Reason> reasons;
  Ptr<Pod> pod;
  for (const auto& each : made) {
    if (each) {
      pod = *each;
    } else {
      reasons.insert(each.error().reason);
    }
  }
  EXPECT_EQ(reasons, (std::multiset<Reason>{Reason::kAlreadyExists, Reason::kInvalid}));
  ASSERT_TRUE(pod);

  std::vector<Result<>> bound;
  client_.BindLater(answers_, *pod, "node1", Note(bound));
  answers_.Settle();
  client_.BindLater(answers_, *pod, "node2", Note(bound));
  answers_.Settle();
  ASSERT_EQ(bound.size(), 2u);
  EXPECT_TRUE(bound[0]) << bound[0].error().message;
  ASSERT_FALSE(bound[1]);
  EXPECT_EQ(bound[1].error().reason, Reason::kConflict);

  std::vector<Result<Ptr<Pod>>> put;
  Pod stale = *pod;
  stale.metadata.labels["x"] = "y";
  client_.UpdateLater<Pod>(answers_, Shared(stale), Note(put));
  answers_.Settle();
  ASSERT_EQ(put.size(), 1u);
  ASSERT_FALSE(put[0]);
  EXPECT_EQ(put[0].error().reason, Reason::kConflict);

  std::vector<Result<>> deleted;
  for (int i = 0; i < 2; ++i) {
    client_.DeleteLater<Pod>(answers_, {"default", "a"}, {.grace_period_s = 0}, Note(deleted));
    answers_.Settle();
  }
  ASSERT_EQ(deleted.size(), 2u);
  EXPECT_TRUE(deleted[0]);
  ASSERT_FALSE(deleted[1]);
  EXPECT_EQ(deleted[1].error().reason, Reason::kNotFound);
}

// Statuses that are on their way together lose the race against one another, and none is lost.
TEST_F(SentLaterTest, WhoLosesARaceIsServedAnew) {
  const auto made = by_object_.Create(PodNamed("a"));
  ASSERT_TRUE(made);
  std::vector<Result<Ptr<Pod>>> told;
  for (int i = 0; i < 20; ++i) {
    const std::string type = "example.com/" + std::to_string(i);
    const auto changed = std::make_shared<core_v1::PodStatus>((*made)->status);
    auto& condition = changed->conditions.emplace_back();
    condition.type = type;
    condition.status = "True";
    client_.PatchStatusLater<Pod>(
        answers_, **made, changed, PatchType::kStrategic,
        [type] {
          return R"({"status": {"conditions": [{"status": "True", "type": ")" + type + "\"}]}}";
        },
        Note(told));
  }
  answers_.Settle();
  for (const auto& each : told) EXPECT_TRUE(each) << each.error().message;
  EXPECT_EQ(told.size(), 20u);
  EXPECT_EQ((*by_object_.Get<Pod>({"default", "a"}))->status.conditions.size(), 20u);
}

// What was written is read by nobody of this process again: who asked and all caches have the one
// struct, and the next write begins with a copy of it.
TEST_F(SentLaterTest, WhoWroteAndAllCachesShareOneStruct) {
  InformerFactory one({client_, clock_, random_}), other({client_, clock_, random_});
  const std::vector<Informer<Pod>> informers = {one.For<Pod>(), other.For<Pod>()};
  one.Start(executor_);
  other.Start(executor_);
  Settle();
  std::vector<Result<Ptr<Pod>>> written;
  client_.CreateLater<Pod>(answers_, Shared(PodNamed("a")), Note(written));
  answers_.Settle();
  ASSERT_TRUE(written[0]) << written[0].error().message;
  Settle();
  EXPECT_EQ(**written[0], Read("a"));
  for (const auto& informer : informers) EXPECT_EQ(informer.Get({"default", "a"}), *written[0]);

  std::vector<Result<>> bound;
  client_.BindLater(answers_, **written[0], "node1", Note(bound));
  answers_.Settle();
  ASSERT_TRUE(bound[0]) << bound[0].error().message;
  Settle();
  const auto on_node = informers[0].Get({"default", "a"});
  EXPECT_EQ(on_node, informers[1].Get({"default", "a"}));
  EXPECT_EQ(*on_node, Read("a"));
  EXPECT_EQ(on_node->spec.node_name, "node1");
  EXPECT_TRUE((*written[0])->spec.node_name.empty()) << "what was given stays what it was";

  const auto changed = std::make_shared<core_v1::PodStatus>(on_node->status);
  changed->phase = "Running";
  changed->start_time = Time(Instant{1'700'000'000, 5});
  client_.PatchStatusLater<Pod>(
      answers_, *on_node, changed, PatchType::kStrategic, [] { return "{}"; }, Note(written));
  answers_.Settle();
  ASSERT_TRUE(written[1]) << written[1].error().message;
  Settle();
  EXPECT_EQ(informers[0].Get({"default", "a"}), *written[1]);
  EXPECT_EQ(**written[1], Read("a"));
  EXPECT_EQ((*by_text_.Get<Pod>({"default", "a"}))->metadata.managed_fields.size(), 2u);

  // Others read what they wrote themselves.
  Merge("/api/v1/namespaces/default/pods/a", R"({"metadata": {"labels": {"x": "y"}}})");
  Settle();
  const auto labelled = informers[0].Get({"default", "a"});
  EXPECT_EQ(*labelled, Read("a"));
  EXPECT_EQ(labelled->metadata.labels.at("x"), "y");
  EXPECT_EQ(labelled->status.phase, "Running");
}

// The next write begins with a copy of the struct, and with who owns what of the text.
TEST_F(SentLaterTest, WhoOwnsWhatStaysWhateverTheyAreCalled) {
  InformerFactory factory({client_, clock_, random_});
  const Informer<Pod> pods = factory.For<Pod>();
  factory.Start(executor_);
  Settle();
  std::vector<Result<Ptr<Pod>>> written;
  client_.CreateLater<Pod>(answers_, Shared(PodNamed("a")), Note(written));
  answers_.Settle();
  ASSERT_TRUE(written[0]) << written[0].error().message;
  const std::string path = "/api/v1/namespaces/default/pods/a";
  const std::string manager = R"(\"}],{[)";
  Merge(path + "?fieldManager=%5C%22%7D%5D%2C%7B%5B", R"({"metadata": {"labels": {"x": "y"}}})");
  Settle();
  const Json before = Get(path).body["metadata"]["managedFields"];
  ASSERT_EQ(before.size(), 2u);
  EXPECT_TRUE(before[0]["manager"] == manager || before[1]["manager"] == manager) << before;
  std::vector<Result<>> bound;
  client_.BindLater(answers_, *pods.Get({"default", "a"}), "node1", Note(bound));
  answers_.Settle();
  ASSERT_TRUE(bound[0]) << bound[0].error().message;
  const Json after = Get(path).body["metadata"]["managedFields"];
  for (const Json& entry : before) {
    EXPECT_NE(std::find(after.begin(), after.end(), entry), after.end()) << entry << after;
  }
}

TEST_F(HandedObjectsTest, AWatchGivesStructsToWhoTakesThem) {
  const auto first = by_object_.Create(PodNamed("a"));
  ASSERT_TRUE(first);
  const WatchOptions options{.namespace_ = "default",
                             .resource_version = (*first)->metadata.resource_version,
                             .takes_structs = true};
  auto structs = by_object_.Watch(Pod::Info(), options);
  auto texts = by_text_.Watch(Pod::Info(), options);
  ASSERT_TRUE(structs && texts);
  for (auto* stream : {&structs, &texts}) (**stream)->Attach([] {});
  ASSERT_TRUE(by_object_.Patch(**first, [](Pod& it) { it.metadata.labels["x"] = "y"; }));
  ASSERT_TRUE(by_object_.Delete<Pod>({"default", "a"}, {.grace_period_s = 0}));
  std::vector<WatchEvent> handed, sent;
  EXPECT_EQ((*structs)->Next(handed), http::Pulled::kIdle);
  EXPECT_EQ((*texts)->Next(sent), http::Pulled::kIdle);
  ASSERT_EQ(handed.size(), 2u);
  ASSERT_EQ(sent.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(handed[i].type, sent[i].type);
    ASSERT_EQ(handed[i].handed_type, &Pod::Describe());
    const auto pod = DecodeObject<Pod>(sent[i].object.Text());
    ASSERT_TRUE(pod);
    (*pod)->metadata.managed_fields.clear();
    EXPECT_EQ(*static_cast<const Pod*>(handed[i].handed.get()), **pod);
    EXPECT_EQ(handed[i].resource_version, (*pod)->metadata.resource_version);
    EXPECT_FALSE(sent[i].handed);
  }
  EXPECT_EQ(handed[1].type, WatchEvent::Type::kDeleted);
}

TEST_F(HandedObjectsTest, AnInformerHearsTheSameByStructsAsByText) {
  ASSERT_TRUE(by_object_.Create(PodNamed("before")));
  InformerFactory by_structs({by_object_, clock_, random_});
  InformerFactory by_texts({by_text_, clock_, random_});
  std::vector<std::string> heard[2];
  std::vector<Informer<Pod>> informers;
  for (InformerFactory* factory : {&by_structs, &by_texts}) {
    auto& log = heard[informers.size()];
    informers.push_back(factory->For<Pod>());
    informers.back().OnChange([&log](const Ptr<Pod>& before, const Ptr<Pod>& now) {
      const auto version = [](const Ptr<Pod>& pod) {
        return pod ? pod->metadata.name + "@" + pod->metadata.resource_version : "nothing";
      };
      log.push_back(version(before) + " -> " + version(now));
    });
    factory->Start(executor_);
  }
  Settle();
  const auto made = by_text_.Create(PodNamed("a"));
  ASSERT_TRUE(made);
  ASSERT_TRUE(by_object_.Bind(**made, "node1"));
  ASSERT_TRUE(by_object_.Delete<Pod>({"default", "before"}, {.grace_period_s = 0}));
  Settle();
  EXPECT_EQ(heard[0].size(), 4u);
  EXPECT_EQ(heard[0], heard[1]);
  const auto pod = informers[0].Get({"default", "a"});
  ASSERT_TRUE(pod);
  EXPECT_EQ(*pod, *informers[1].Get({"default", "a"}));
  EXPECT_EQ(pod->spec.node_name, "node1");
  EXPECT_TRUE(pod->metadata.managed_fields.empty());
  EXPECT_EQ(informers[0].Get({"default", "before"}), nullptr);
}

}  // namespace
}  // namespace skiff
