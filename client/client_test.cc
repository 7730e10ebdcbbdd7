#include "client/client.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/transport.h"

namespace skiff {
namespace {

TEST(MergePatchTest, HoldsWhatChangedAndNothingElse) {
  const Json before = {{"a", 1}, {"b", {{"x", 1}, {"y", 2}}}, {"list", {1, 2}}};
  Json after = before;
  EXPECT_EQ(MergePatchBetween(before, after), Json::object());
  after["b"]["y"] = 3;
  after["list"] = {1};
  after.erase("a");
  after["new"] = "n";
  const Json patch = MergePatchBetween(before, after);
  EXPECT_EQ(patch, Json({{"a", nullptr}, {"b", {{"y", 3}}}, {"list", {1}}, {"new", "n"}}));
  Json patched = before;
  patched.merge_patch(patch);
  EXPECT_EQ(patched, after);
}

TEST(ErrorFromStatusTest, KeepsReasonCausesAndDetails) {
  const Json status = Json::parse(R"({"kind":"Status","status":"Failure","reason":"Forbidden",
      "message":"no","code":403,"details":{"name":"x","kind":"pods","retryAfterSeconds":3,
      "causes":[{"reason":"NamespaceTerminating","message":"m","field":"metadata.namespace"}]}})");
  const Error error = ErrorFromStatus(status, 0);
  EXPECT_EQ(error.reason, Reason::kForbidden);
  EXPECT_EQ(error.message, "no");
  EXPECT_EQ(error.http_code, 403);
  EXPECT_EQ(error.details->retry_after_s, 3);
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_EQ(error.causes[0].reason, "NamespaceTerminating");
}

TEST(ResourceTest, PathsAreThoseOfTheApi) {
  const Resource pods = core_v1::Pod::Info();
  EXPECT_EQ(pods.Path({"ns", "p"}, "status"), "/api/v1/namespaces/ns/pods/p/status");
  EXPECT_EQ(pods.CollectionPath(), "/api/v1/pods");
  const Resource nodes = core_v1::Node::Info();
  EXPECT_EQ(nodes.Path({"", "n"}), "/api/v1/nodes/n");
  Resource custom;
  custom.api_version = "example.com/v1";
  custom.name = "widgets";
  EXPECT_EQ(custom.CollectionPath("ns"), "/apis/example.com/v1/namespaces/ns/widgets");
  EXPECT_EQ(custom.Group(), "example.com");
}

TEST(ResourceTest, NamesLeadNowhereElse) {
  const Resource pods = core_v1::Pod::Info();
  const auto why = [&](const ObjectKey& key) { return pods.Path(key).error().message; };
  EXPECT_EQ(why({"ns", ""}), "resource name may not be empty");
  EXPECT_EQ(why({"ns", "mine:8080/proxy/x"}),
            "invalid resource name \"mine:8080/proxy/x\": [may not contain '/']");
  EXPECT_EQ(why({"ns", ".."}), "invalid resource name \"..\": [may not be '..']");
  EXPECT_EQ(why({"ns/pods", "p%2f"}), "invalid resource name \"p%2f\": [may not contain '%']");
  EXPECT_EQ(why({"ns/pods", "p"}), "invalid namespace \"ns/pods\": [may not contain '/']");
  EXPECT_FALSE(pods.CollectionPath("."));
}

TEST(ClientTest, AsksNobodyForWhatCannotBeThere) {
  InProcessTransport transport([](http::Request) -> http::Response {
    ADD_FAILURE() << "asked";
    return {};
  });
  Client client(transport, "test");
  const ObjectKey key = {"ns", "mine:8080/proxy/x"};
  EXPECT_EQ(client.Get<core_v1::Pod>(key).error().reason, Reason::kBadRequest);
  EXPECT_EQ(client.GetMetadata(core_v1::Pod::Info(), key).error().reason, Reason::kBadRequest);
  EXPECT_EQ(client.Delete<core_v1::Pod>(key).error().reason, Reason::kBadRequest);
}

TEST(EncodeTargetTest, EscapesWhatAUrlCannotHold) {
  http::Request request;
  request.path = "/api/v1/pods";
  request.query = {{"labelSelector", "a in (b,c)"}, {"limit", "5"}};
  EXPECT_EQ(EncodeTarget(request), "/api/v1/pods?labelSelector=a%20in%20%28b,c%29&limit=5");
}

TEST(ClientTest, APatchThatChangesNothingIsNotSent) {
  int requests = 0;
  InProcessTransport transport([&](const http::Request&) {
    ++requests;
    return http::Response();
  });
  Client client(transport, "test");
  core_v1::Pod pod;
  pod.metadata.name = "p";
  const auto same = client.Patch(pod, [](core_v1::Pod&) {});
  ASSERT_TRUE(same);
  EXPECT_EQ((*same)->metadata.name, "p");
  EXPECT_EQ(requests, 0);
}

TEST(ClientTest, APatchNamesTheObjectAndTheVersionItIsFor) {
  http::Request seen;
  InProcessTransport transport([&](const http::Request& request) {
    seen = request;
    http::Response response;
    response.body = R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"}})";
    return response;
  });
  Client client(transport, "test");
  core_v1::Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "ns";
  pod.metadata.uid = "u1";
  pod.metadata.resource_version = "7";
  ASSERT_TRUE(client.Patch(pod, [](core_v1::Pod& it) { it.metadata.labels["a"] = "b"; },
                           {.if_unchanged = true}));
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, "/api/v1/namespaces/ns/pods/p");
  EXPECT_EQ(seen.Header("content-type"), "application/merge-patch+json");
  EXPECT_EQ(
      Json::parse(seen.body),
      Json({{"metadata", {{"labels", {{"a", "b"}}}, {"uid", "u1"}, {"resourceVersion", "7"}}}}));
}

TEST(ClientTest, AServerInTheProcessIsHandedStructsAndHandsThemBack) {
  std::vector<http::Request> seen;
  const auto answered = std::make_shared<core_v1::Pod>();
  answered->metadata.name = "answered";
  InProcessTransport transport(
      [&](const http::Request& request) {
        seen.push_back(request);
        http::Response response;
        if (request.takes_handed) {
          response.handed = std::make_shared<HandedObject>(core_v1::Pod::Describe(), answered);
        }
        return response;
      },
      InProcessTransport::Bodies::kObjects);
  Client client(transport, "test");
  core_v1::Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "ns";
  pod.metadata.resource_version = "7";
  const auto created = client.Create(pod);
  ASSERT_TRUE(created);
  EXPECT_EQ(created->get(), answered.get()) << "read by nobody again";
  const auto patched = client.Patch(pod, [](core_v1::Pod& it) { it.spec.node_name = "n"; });
  EXPECT_EQ(patched->get(), answered.get());
  ASSERT_TRUE(client.Bind(pod, "n"));
  ASSERT_EQ(seen.size(), 3u);
  for (const http::Request& request : seen) EXPECT_EQ(request.body, "");
  EXPECT_TRUE(seen[0].takes_handed);
  EXPECT_FALSE(seen[2].takes_handed) << "a Status is no object";
}

TEST(ClientTest, OthersAreSentTheSameAsText) {
  std::vector<http::Request> seen;
  InProcessTransport transport([&](const http::Request& request) {
    seen.push_back(request);
    http::Response response;
    response.body = R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"}})";
    return response;
  });
  Client client(transport, "test");
  core_v1::Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "ns";
  ASSERT_TRUE(client.Create(pod));
  ASSERT_TRUE(client.Bind(pod, "n"));
  ASSERT_EQ(seen.size(), 2u);
  for (const http::Request& request : seen) {
    EXPECT_FALSE(request.handed);
    EXPECT_FALSE(request.takes_handed);
  }
  EXPECT_EQ(Json::parse(seen[0].body)["metadata"]["name"], "p");
  EXPECT_EQ(Json::parse(seen[1].body)["target"],
            Json({{"apiVersion", "v1"}, {"kind", "Node"}, {"name", "n"}}));
}

TEST(ClientTest, AnAnswerThatIsNotJsonIsAnError) {
  InProcessTransport transport([](const http::Request&) {
    http::Response response;
    response.status = 502;
    response.body = "bad gateway";
    return response;
  });
  Client client(transport, "test");
  const auto pod = client.Get<core_v1::Pod>({"ns", "p"});
  ASSERT_FALSE(pod);
  EXPECT_EQ(pod.error().http_code, 502);
  EXPECT_EQ(pod.error().message, "bad gateway");
}

// A stream that yields what it was given, in pieces.
class Pieces final : public http::StreamSource {
 public:
  explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    if (next_ == pieces_.size()) return http::Pulled::kEnd;
    out.push_back(std::make_shared<const std::string>(pieces_[next_++]));
    return http::Pulled::kMore;
  }

 private:
  std::vector<std::string> pieces_;
  size_t next_ = 0;
};

TEST(WatchStreamTest, EventsMayArriveInPieces) {
  WatchStream stream(std::make_unique<Pieces>(
      std::vector<std::string>{R"({"type":"ADDED","object":{"metadata":{"na)", R"(me":"a"}}})",
                               "\n{\"type\":\"DELETED\",\"object\":{}}\n"}));
  std::vector<WatchEvent> events;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(stream.Next(events), http::Pulled::kMore);
  EXPECT_EQ(stream.Next(events), http::Pulled::kEnd);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].object.Parse()["metadata"]["name"], "a");
  EXPECT_EQ(events[1].type, WatchEvent::Type::kDeleted);
}

TEST(WatchStreamTest, AnErrorEventIsTheServersError) {
  WatchStream stream(std::make_unique<Pieces>(std::vector<std::string>{
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
      "\n"}));
  std::vector<WatchEvent> events;
  const auto result = stream.Next(events);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kExpired);
  EXPECT_EQ(result.error().http_code, 410);
}

}  // namespace
}  // namespace skiff
