// Two API servers over one etcd: the same objects, watches and ranges of numbers.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "api/server_addresses.h"
#include "apiserver/auth/user.h"
#include "apiserver/objects/etcd_objects.h"
#include "apiserver/server/api_server.h"
#include "apiserver/storage/etcd_test_host.h"

namespace skiff {
namespace {

using testing::HasSubstr;

struct Answer {
  int code;
  Json body;
  http::Response response;
};

// One of the servers, with what it stands on.
class Node {
 public:
  Node(const EtcdHost& host, const Clock& clock, uint64_t seed) : random_(seed) {
    store_ = OpenEtcdStore({.client = host.Client(),
                            .expiries = {{.prefix = "/registry/masterleases/", .ttl = 5s}},
                            .read_object = RecordValueFromEtcd,
                            .write_object = ProtobufForEtcd},
                           clock);
    auto made = ApiServer::Create({.service_cluster_ip_ranges = {"10.0.0.0/26"},
                                   .node_port_min = 30000,
                                   .node_port_max = 30059,
                                   .advertise_address = fmt::format("192.0.2.{}", seed),
                                   .other_addresses = {fmt::format("fd00::{}", seed)},
                                   .shared_store = true},
                                  {*store_, clock, random_});
    CHECK(made.has_value());
    server_ = *std::move(made);
  }

  Answer Ask(std::string method, const std::string& path, std::string body = "") {
    http::Request request;
    request.method = std::move(method);
    request.path = path.substr(0, path.find('?'));
    if (const size_t question = path.find('?'); question != std::string::npos) {
      std::string_view rest = std::string_view(path).substr(question + 1);
      while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const size_t equals = pair.find('=');
        request.query.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
      }
    }
    request.body = std::move(body);
    Answer answer{0, Json(), server_->Handle(request, LoopbackUser())};
    answer.code = answer.response.status;
    answer.body = Json::parse(answer.response.body, nullptr, false);
    return answer;
  }
  EtcdStore& store() { return *store_; }
  ApiServer& server() { return *server_; }
  // Its loops, once.
  void Step() {
    for (ControlLoop* loop : server_->loops()) EXPECT_GT(loop->Step(), 0s);
  }
  // Where pods are told to find servers; "" when Endpoints and EndpointSlice differ.
  std::string Addresses() {
    std::string text;
    std::string slices;
    const std::string in = "/namespaces/default/";
    const Json endpoints = Ask("GET", "/api/v1" + in + "endpoints/kubernetes").body;
    for (const Json& at : endpoints["subsets"][0]["addresses"]) text += at.value("ip", "") + " ";
    const Json slice =
        Ask("GET", "/apis/discovery.k8s.io/v1" + in + "endpointslices/kubernetes").body;
    for (const Json& at : slice["endpoints"]) slices += at["addresses"][0].get<std::string>() + " ";
    return text == slices ? text : "";
  }

 private:
  SeededRandom random_;
  std::unique_ptr<EtcdStore> store_;
  std::unique_ptr<ApiServer> server_;
};

// A watch as a connection holds it.
class Watch {
 public:
  explicit Watch(Answer answer) : answer_(std::move(answer)) {
    EXPECT_TRUE(answer_.response.stream) << answer_.body;
    answer_.response.stream->Attach([this] {
      const std::scoped_lock lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    });
  }
  // The next event; waits for it.
  Json Next() {
    for (;;) {
      std::vector<http::SharedBytes> chunks;
      while (pending_.empty() &&
             answer_.response.stream->Pull(1 << 20, chunks) == http::Pulled::kMore) {
      }
      for (const auto& chunk : chunks) pending_.push_back(Json::parse(*chunk));
      if (!pending_.empty()) {
        Json event = std::move(pending_.front());
        pending_.erase(pending_.begin());
        return event;
      }
      if (!IsWokenWithin(20s)) return Json();
    }
  }
  bool IsWokenWithin(Duration time) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, time, [this] { return woken_; })) return false;
    woken_ = false;
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::vector<Json> pending_;
  Answer answer_;  // Last: its cursor ends before what the wake touches.
};

constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";
constexpr char kServices[] = "/api/v1/namespaces/default/services";

std::string MapBody(const std::string& name, const std::string& value) {
  return Json{{"metadata", {{"name", name}}}, {"data", {{"key", value}}}}.dump();
}

std::string ServiceBody(const std::string& name, Json spec = Json::object()) {
  spec["type"] = "NodePort";
  spec["ports"] = {{{"port", 80}}};
  return Json{{"metadata", {{"name", name}}}, {"spec", spec}}.dump();
}

class EtcdApiServerTest : public testing::Test {
 protected:
  EtcdHost host_;
  SystemClock clock_;
  Node a_{host_, clock_, 1};
  Node b_{host_, clock_, 2};
};

TEST_F(EtcdApiServerTest, BothServeTheSameObjectsAndWatches) {
  Watch watch(b_.Ask("GET", std::string(kMaps) + "?watch=1"));
  const Answer made = a_.Ask("POST", kMaps, MapBody("m", "1"));
  ASSERT_EQ(made.code, 201) << made.body;
  EXPECT_EQ(b_.Ask("GET", std::string(kMaps) + "/m").body, made.body);
  const Json added = watch.Next();
  EXPECT_EQ(added["type"], "ADDED");
  EXPECT_EQ(added["object"], made.body);
  const std::string version = made.body["metadata"]["resourceVersion"];
  // What a client read from one server is not too new for the other.
  EXPECT_EQ(b_.Ask("GET", std::string(kMaps) + "?resourceVersion=" + version).code, 200);
  Json changed = made.body;
  changed["data"]["key"] = "2";
  ASSERT_EQ(b_.Ask("PUT", std::string(kMaps) + "/m", changed.dump()).code, 200);
  changed["data"]["key"] = "3";
  EXPECT_EQ(a_.Ask("PUT", std::string(kMaps) + "/m", changed.dump()).body["reason"], "Conflict");
  EXPECT_EQ(watch.Next()["object"]["data"]["key"], "2");
  ASSERT_EQ(a_.Ask("DELETE", std::string(kMaps) + "/m").code, 200);
  EXPECT_EQ(watch.Next()["type"], "DELETED");
  EXPECT_EQ(b_.Ask("GET", std::string(kMaps) + "/m").code, 404);
}

TEST_F(EtcdApiServerTest, AddressesAndNodePortsAreHandedOutOnce) {
  constexpr int kEach = 25;
  std::vector<std::jthread> threads;
  for (Node* node : {&a_, &b_}) {
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([node, t, this] {
        for (int i = t; i < kEach; i += 2) {
          const Answer made = node->Ask(
              "POST", kServices, ServiceBody(fmt::format("s{}-{}", node == &a_ ? 'a' : 'b', i)));
          EXPECT_EQ(made.code, 201) << made.body;
        }
      });
    }
  }
  threads.clear();
  std::set<std::string> addresses;
  std::set<int> ports;
  const Answer all = a_.Ask("GET", kServices);
  for (const Json& service : all.body["items"]) {
    addresses.insert(service["spec"]["clusterIP"].get<std::string>());
    for (const Json& port : service["spec"]["ports"]) ports.insert(port.value("nodePort", 0));
  }
  EXPECT_EQ(addresses.size(), 2u * kEach + 1) << "and the service kubernetes";
  ports.erase(0);
  EXPECT_EQ(ports.size(), 2u * kEach);
  // What one server made another may delete, and then hand out again.
  for (const Json& service : all.body["items"]) {
    const std::string name = service["metadata"]["name"];
    if (name != "kubernetes") {
      EXPECT_EQ(b_.Ask("DELETE", std::string(kServices) + "/" + name).code, 200);
    }
  }
  for (int i = 0; i < 60; ++i) {
    const Answer made = a_.Ask("POST", kServices, ServiceBody(fmt::format("again-{}", i)));
    ASSERT_EQ(made.code, 201) << made.body;
  }
  EXPECT_EQ(b_.Ask("POST", kServices, ServiceBody("too-many")).code, 500);
}

TEST_F(EtcdApiServerTest, AGivenNumberOfAnotherServersServiceIsRefused) {
  ASSERT_EQ(a_.Ask("POST", kServices, ServiceBody("x", {{"clusterIP", "10.0.0.9"}})).code, 201);
  const Answer refused = b_.Ask("POST", kServices, ServiceBody("y", {{"clusterIP", "10.0.0.9"}}));
  EXPECT_EQ(refused.code, 422);
  EXPECT_THAT(refused.body["message"].get<std::string>(),
              HasSubstr("provided IP is already allocated"));
  EXPECT_EQ(a_.Ask("GET", "/apis/networking.k8s.io/v1/ipaddresses/10.0.0.9")
                .body["spec"]["parentRef"]["name"],
            "x");
  EXPECT_EQ(b_.Ask("DELETE", std::string(kServices) + "/x").code, 200);
  EXPECT_EQ(b_.Ask("POST", kServices, ServiceBody("y", {{"clusterIP", "10.0.0.9"}})).code, 201);
}

TEST_F(EtcdApiServerTest, WhatKubernetesWroteIsRead) {
  const Json pod = {{"metadata", {{"name", "p"}, {"namespace", "default"}, {"uid", "u"}}},
                    {"spec", {{"nodeName", "n1"}, {"containers", Json::array()}}}};
  const auto write = [&](const std::string& name, const std::string& bytes) {
    etcd::TxnRequest txn;
    auto& put = *txn.add_success()->mutable_request_put();
    put.set_key("/registry/pods/default/" + name);
    put.set_value(bytes);
    ASSERT_TRUE(a_.store().client().Transact(txn));
  };
  write("p", EncodeProtobuf(*core_v1::Pod::Info().type, {"v1", "Pod"}, pod));
  Json other = pod;
  other["metadata"]["name"] = "q";
  other["apiVersion"] = "v1";  // In an order of its own.
  other["kind"] = "Pod";
  write("q", other.dump());
  const Answer found = b_.Ask("GET", "/api/v1/namespaces/default/pods/p");
  ASSERT_EQ(found.code, 200) << found.body;
  EXPECT_EQ(found.body["spec"]["nodeName"], "n1");
  EXPECT_FALSE(found.body["metadata"]["resourceVersion"].get<std::string>().empty());
  const Answer all = b_.Ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName=n1");
  EXPECT_EQ(all.body["items"].size(), 2u) << "selectors know its fields";
}

TEST_F(EtcdApiServerTest, WithoutEtcdErrorsAreThoseOfKubernetesAndItComesBack) {
  ASSERT_EQ(a_.Ask("POST", kMaps, MapBody("m", "1")).code, 201);
  Watch watch(a_.Ask("GET", std::string(kMaps) + "?watch=1"));
  EXPECT_EQ(watch.Next()["type"], "ADDED");
  EXPECT_EQ(a_.Ask("GET", "/readyz").code, 200);
  ASSERT_EQ(b_.Ask("GET", kMaps).body["items"].size(), 1u) << "it has heard of it";
  host_.Kill();
  for (const char* method : {"GET", "DELETE"}) {
    const Answer failed = a_.Ask(method, std::string(kMaps) + "/m");
    EXPECT_EQ(failed.code, 500);
    EXPECT_EQ(failed.body["message"], "etcdserver: request timed out");
    EXPECT_FALSE(failed.body.contains("reason"));
  }
  EXPECT_EQ(a_.Ask("POST", kMaps, MapBody("n", "1")).code, 500);
  EXPECT_EQ(a_.Ask("GET", kMaps).code, 500);
  // Who is content with any state, as informers are when they begin, is told the last one known.
  for (Node* server : {&a_, &b_}) {
    const Answer old = server->Ask("GET", std::string(kMaps) + "/m?resourceVersion=0");
    EXPECT_EQ(old.code, 200) << old.body;
    EXPECT_EQ(old.body["metadata"]["name"], "m");
    EXPECT_EQ(server->Ask("GET", std::string(kMaps) + "/n?resourceVersion=0").code, 404);
    const Answer list = server->Ask("GET", std::string(kMaps) + "?resourceVersion=0");
    EXPECT_EQ(list.code, 200) << list.body;
    EXPECT_EQ(list.body["items"].size(), 1u);
    Watch begun(server->Ask("GET", std::string(kMaps) + "?watch=1&resourceVersion=0"));
    EXPECT_EQ(begun.Next()["object"]["metadata"]["name"], "m");
  }
  EXPECT_EQ(a_.Ask("GET", "/readyz").code, 500);
  EXPECT_EQ(a_.Ask("GET", "/readyz/ping").code, 200);
  EXPECT_FALSE(watch.IsWokenWithin(10s)) << "it neither ends nor expires";
  host_.Start();
  ASSERT_TRUE(a_.store().client().WaitUntilReachable(20s));
  ASSERT_TRUE(b_.store().client().WaitUntilReachable(20s));
  EXPECT_EQ(a_.Ask("GET", "/readyz").code, 200);
  EXPECT_EQ(b_.Ask("POST", kMaps, MapBody("n", "2")).code, 201);
  const Json event = watch.Next();
  EXPECT_EQ(event["type"], "ADDED");
  EXPECT_EQ(event["object"]["metadata"]["name"], "n") << "the same watch goes on";
}

TEST_F(EtcdApiServerTest, AnObjectOnTheLimitGivesUpItsManagedFields) {
  const auto with_keys = [](int keys, size_t bytes) {
    Json map = {{"metadata", {{"name", fmt::format("m-{}", keys)}}}, {"data", Json::object()}};
    for (int i = 0; i < keys; ++i) map["data"][fmt::format("key-{}", i)] = std::string(bytes, 'x');
    return map.dump();
  };
  const Answer made = a_.Ask("POST", kMaps, with_keys(30'000, 30));
  ASSERT_EQ(made.code, 201) << made.body["message"];
  EXPECT_FALSE(made.body["metadata"].contains("managedFields"));
  EXPECT_EQ(made.body["data"].size(), 30'000u);
  const Answer refused = a_.Ask("POST", kMaps, with_keys(50'000, 20));
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.body["message"], "etcdserver: request is too large") << refused.body;
  EXPECT_TRUE(
      a_.Ask("POST", kMaps, MapBody("small", "1")).body["metadata"].contains("managedFields"));
}

// As JSON etcd would not take it, as each line end has two bytes there.
TEST_F(EtcdApiServerTest, AMebibyteOfLineEndsIsKeptAndComesBackOnTheOtherServer) {
  const std::string lines(1 << 20, '\n');
  const Answer made = a_.Ask("POST", kMaps, MapBody("lines", lines));
  ASSERT_EQ(made.code, 201) << made.body["message"];
  const std::string path = std::string(kMaps) + "/lines";
  for (Node* node : {&a_, &b_}) {
    Answer read = node->Ask("GET", path);
    ASSERT_EQ(read.code, 200);
    EXPECT_TRUE(read.body == made.body);
  }
  Json changed = made.body;
  changed["metadata"]["labels"]["a"] = "b";
  ASSERT_EQ(b_.Ask("PUT", path, changed.dump()).code, 200);
  Answer read = a_.Ask("GET", path);
  EXPECT_EQ(read.body["metadata"]["labels"]["a"], "b");
  EXPECT_TRUE(read.body["data"] == made.body["data"]);
}

TEST_F(EtcdApiServerTest, PodsFindTheServersThatAreThere) {
  a_.Step();
  b_.Step();
  EXPECT_EQ(a_.Addresses(), "192.0.2.1 192.0.2.2 ");
  const Json slice =
      a_.Ask("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes").body;
  EXPECT_EQ(slice["metadata"]["annotations"][kServerAddressesAnnotation], "fd00::1,fd00::2");
  {
    Node crashes(host_, clock_, 3);
    crashes.Step();
    EXPECT_EQ(a_.Addresses(), "192.0.2.1 192.0.2.2 192.0.2.3 ");
  }
  b_.server().BeginShutdown();
  a_.Step();
  EXPECT_EQ(a_.Addresses(), "192.0.2.1 192.0.2.3 ") << "who goes in order is left out at once";
  const auto lease = a_.store().Get("/registry/masterleases/192.0.2.3");
  ASSERT_TRUE(lease);
  std::promise<void> gone;
  const auto cursor = a_.store().Watch("/registry/masterleases/192.0.2.3", (*lease)->modified,
                                       [&] { gone.set_value(); });
  std::vector<EventPtr> events;
  ASSERT_TRUE((*cursor)->Next(1, events));
  if (events.empty()) {
    ASSERT_EQ(gone.get_future().wait_for(20s), std::future_status::ready);
  }
  a_.Step();
  EXPECT_EQ(a_.Addresses(), "192.0.2.1 ");
  b_.Step();
  EXPECT_EQ(a_.Addresses(), "192.0.2.1 ") << "it does not come back";
}

}  // namespace
}  // namespace skiff
