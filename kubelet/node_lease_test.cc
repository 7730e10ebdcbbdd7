#include "kubelet/node_lease.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "client/transport.h"

namespace skiff::kubelet {
namespace {

// The lease of a node against a server that keeps one.
class NodeLeaseTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    asked_.push_back(request.method);
    http::Response response;
    response.content_type = "application/json";
    if (request.method == "GET" && !stored_) return Refusal(404, "NotFound");
    if (request.method == "POST" && stored_) return Refusal(409, "AlreadyExists");
    if (request.method != "GET") stored_ = Json::parse(request.body);
    response.body = stored_->dump();
    return response;
  }
  static http::Response Refusal(int code, const char* reason) {
    http::Response response;
    response.status = code;
    response.content_type = "application/json";
    response.body = Json{{"kind", "Status"},
                         {"apiVersion", "v1"},
                         {"status", "Failure"},
                         {"reason", reason},
                         {"code", code}}
                        .dump();
    return response;
  }
  void AddNode() {
    auto node = std::make_shared<core_v1::Node>();
    node->metadata.name = "n1";
    node->metadata.uid = "uid-1";
    node_ = std::move(node);
  }
  using Asked = std::vector<std::string>;

  std::optional<Json> stored_;
  Asked asked_;
  Ptr<core_v1::Node> node_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "kubelet"};
  FakeClock clock_;
  NodeLease loop_{"n1", 40, client_, clock_, [this]() -> Result<Ptr<core_v1::Node>> {
                    return node_;
                  }};
};

TEST_F(NodeLeaseTest, ANodeThatWasJustMadeHasNoneToLookFor) {
  EXPECT_EQ(loop_.Step(), NodeLease::kRetry) << "there is no Node that it could belong to";
  EXPECT_EQ(asked_, Asked());
  AddNode();
  loop_.NodeRegistered();
  EXPECT_EQ(loop_.Step(), 10s);
  EXPECT_EQ(asked_, Asked({"POST"}));
  EXPECT_EQ((*stored_)["/metadata/ownerReferences/0/uid"_json_pointer], "uid-1");
  clock_.Advance(10s);
  EXPECT_EQ(loop_.Step(), 10s);
  EXPECT_EQ(asked_, Asked({"POST", "PUT"}));
}

TEST_F(NodeLeaseTest, NodesOfOneProcessRenewAtTheSameMoments) {
  AddNode();
  clock_.Advance(130ms);
  loop_.NodeRegistered();
  const Duration due = clock_.Monotonic() + loop_.Step();
  EXPECT_GE(due, 10s + 130ms);
  EXPECT_LT(due, 10s + 330ms);
  EXPECT_EQ(due % 200ms, Duration::zero());
}

TEST_F(NodeLeaseTest, OneOfAnEarlierNodeIsRenewedAtOnce) {
  stored_ = {{"apiVersion", "coordination.k8s.io/v1"},
             {"kind", "Lease"},
             {"metadata", {{"name", "n1"}, {"namespace", "kube-node-lease"}}},
             {"spec", {{"holderIdentity", "gone"}}}};
  AddNode();
  loop_.NodeRegistered();
  EXPECT_EQ(loop_.Step(), Duration::zero());
  EXPECT_EQ(loop_.Step(), 10s);
  EXPECT_EQ(asked_, Asked({"POST", "GET", "PUT"}));
  EXPECT_EQ((*stored_)["/spec/holderIdentity"_json_pointer], "n1");
}

TEST_F(NodeLeaseTest, AKubeletThatCameBackLooksFirst) {
  AddNode();
  EXPECT_EQ(loop_.Step(), 10s);
  EXPECT_EQ(asked_, Asked({"GET", "POST"}));
}

}  // namespace
}  // namespace skiff::kubelet
