#include "kubelet/csi_node.h"

#include <gtest/gtest.h>

#include <map>

#include "client/transport.h"

namespace skiff::kubelet {
namespace {

class CsiNodeTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    if (request.method == "GET") {
      const auto found = objects_.find(request.path);
      response.status = found == objects_.end() ? 404 : 200;
      response.body =
          found == objects_.end()
              ? R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound"})"
              : found->second.dump();
      gets_ += request.path == kPath;
      return response;
    }
    if (request.method == "POST" && objects_.contains(kPath)) {
      response.status = 409;
      response.body =
          R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"AlreadyExists","code":409})";
      return response;
    }
    ++writes_;
    objects_[kPath] = Json::parse(request.body);
    response.body = request.body;
    return response;
  }
  void AddNode(const std::string& uid) {
    objects_["/api/v1/nodes/n1"] = {{"apiVersion", "v1"},
                                    {"kind", "Node"},
                                    {"metadata", {{"name", "n1"}, {"uid", uid}}}};
  }

  static constexpr char kPath[] = "/apis/storage.k8s.io/v1/csinodes/n1";
  std::map<std::string, Json> objects_;
  int writes_ = 0;
  int gets_ = 0;  // Of the CSINode.
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "kubelet"};
  FakeClock clock_;
  csi::Drivers drivers_;
  CsiNode loop_{"n1", client_, clock_, [this] { return client_.Get<core_v1::Node>({"", "n1"}); },
                &drivers_};
};

TEST_F(CsiNodeTest, ItIsMadeOnceThereIsANodeThatOwnsIt) {
  EXPECT_EQ(loop_.Step(), CsiNode::kRetry);
  EXPECT_EQ(writes_, 0);
  AddNode("uid-1");
  EXPECT_EQ(loop_.Step(), CsiNode::kRetry);
  EXPECT_EQ(writes_, 0);
  loop_.NodeRegistered();  // Nobody waits for the next try.
  EXPECT_EQ(loop_.Step(), CsiNode::kCheckPeriod);
  const Json& made = objects_.at(kPath);
  EXPECT_EQ(made["/metadata/ownerReferences/0/kind"_json_pointer], "Node");
  EXPECT_EQ(made["/metadata/ownerReferences/0/uid"_json_pointer], "uid-1");
  EXPECT_EQ(loop_.Step(), CsiNode::kCheckPeriod);
  EXPECT_EQ(writes_, 1);
  EXPECT_EQ(gets_, 0) << "a node that was just made has none";
}

TEST_F(CsiNodeTest, OneThatIsMadeAnewTellsOfTheDriversThatAreRegistered) {
  AddNode("uid-1");
  drivers_.Put({"fake.csi", "/csi.sock", "id-of-n1", {{"zone", "a"}}, 0});
  loop_.NodeRegistered();
  loop_.Step();
  EXPECT_EQ(objects_.at(kPath)["spec"]["drivers"],
            Json::parse(R"([{"name": "fake.csi", "nodeID": "id-of-n1", "topologyKeys": ["zone"]}])"));
}

TEST_F(CsiNodeTest, OneOfAnEarlierNodeIsFoundWhenANewOneIsRefused) {
  AddNode("uid-2");
  objects_[kPath] = {{"apiVersion", "storage.k8s.io/v1"},
                     {"kind", "CSINode"},
                     {"metadata", {{"name", "n1"}, {"resourceVersion", "7"}}},
                     {"spec", {{"drivers", Json::array()}}}};
  loop_.NodeRegistered();
  EXPECT_EQ(loop_.Step(), Duration::zero());
  EXPECT_EQ(loop_.Step(), CsiNode::kCheckPeriod);
  EXPECT_EQ(objects_.at(kPath)["/metadata/ownerReferences/0/uid"_json_pointer], "uid-2");
}

TEST_F(CsiNodeTest, ANodeOfTheSameNameTakesItOverWithItsDrivers) {
  AddNode("uid-1");
  loop_.Step();
  objects_.at(kPath)["spec"]["drivers"] =
      Json::array({{{"name", "d"}, {"nodeID", "n1"}, {"topologyKeys", Json::array()}}});
  AddNode("uid-2");
  loop_.NodeRegistered();
  loop_.Step();
  const Json& made = objects_.at(kPath);
  EXPECT_EQ(made["/metadata/ownerReferences"_json_pointer].size(), 1u);
  EXPECT_EQ(made["/metadata/ownerReferences/0/uid"_json_pointer], "uid-2");
  EXPECT_EQ(made["/spec/drivers/0/name"_json_pointer], "d");
}

}  // namespace
}  // namespace skiff::kubelet
