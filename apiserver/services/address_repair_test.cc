#include "apiserver/services/address_repair.h"

#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

class AddressRepairTest : public ServerFixture {
 protected:
  static constexpr const char* kServices = "/api/v1/namespaces/default/services";
  static constexpr const char* kAddresses = "/apis/networking.k8s.io/v1/ipaddresses";

  void MakeService(const std::string& name, const std::string& address) {
    const auto made =
        Post(kServices, R"({"metadata": {"name": ")" + name + R"("}, "spec": {"clusterIP": ")" +
                            address + R"(", "ports": [{"port": 80}]}})");
    ASSERT_EQ(made.code, 201) << made.message();
  }
  Answer AddressOf(const std::string& name) { return Get(kAddresses + ("/" + name)); }
};

TEST_F(AddressRepairTest, OneThatIsDeletedComesBackWhileAServiceHasIt) {
  MakeService("a", "10.0.0.7");
  Settle();
  ASSERT_EQ(Ask("DELETE", kAddresses + std::string("/10.0.0.7")).code, 200);
  Settle();
  EXPECT_EQ(AddressOf("10.0.0.7").body["spec"]["parentRef"]["name"], "a");
  ASSERT_EQ(Ask("DELETE", kServices + std::string("/a")).code, 200);
  Settle();
  EXPECT_EQ(AddressOf("10.0.0.7").code, 404);
}

TEST_F(AddressRepairTest, OneThatADeadServerLeftBehindGoesAfterAWhile) {
  const Json left = {
      {"metadata",
       {{"name", "10.0.0.8"},
        {"labels",
         {{"ipaddress.kubernetes.io/ip-family", "IPv4"},
          {"ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"}}}}},
      {"spec",
       {{"parentRef",
         {{"group", ""}, {"resource", "services"}, {"namespace", "default"}, {"name", "gone"}}}}}};
  const auto made = Post(kAddresses, left.dump());
  ASSERT_EQ(made.code, 201) << made.message();
  AddressRepair next(*store_, clock_, random_);
  EXPECT_EQ(next.Step(), 60s);
  EXPECT_EQ(AddressOf("10.0.0.8").code, 200);
  clock_.Advance(60s);
  EXPECT_EQ(next.Step(), kNever);
  EXPECT_EQ(AddressOf("10.0.0.8").code, 404);
}

TEST_F(AddressRepairTest, APortThatADeadServerLeftBehindIsFreeAfterAWhile) {
  const auto made = Post(kServices, R"({"metadata": {"name": "a"}, "spec": {
                             "type": "NodePort", "ports": [{"port": 80, "nodePort": 30081}]}})");
  ASSERT_EQ(made.code, 201) << made.message();
  ServiceClaims claims(*store_, clock_, random_);
  core_v1::Service service;
  service.metadata.namespace_ = "default";
  service.metadata.name = "a";
  ASSERT_TRUE(claims.Take("30081", service).value().has_value());
  service.metadata.name = "gone";
  ASSERT_TRUE(claims.Take("30080", service).value().has_value());
  const std::string prefix = ServiceClaims::PortsPrefix();
  AddressRepair next(*store_, clock_, random_);
  EXPECT_EQ(next.Step(), 60s);
  EXPECT_TRUE(store_->Get(prefix + "30080"));
  clock_.Advance(60s);
  EXPECT_EQ(next.Step(), AddressRepair::kClaimsEvery);
  EXPECT_FALSE(store_->Get(prefix + "30080"));
  EXPECT_TRUE(store_->Get(prefix + "30081")) << "its service has it";
}

TEST_F(AddressRepairTest, OneThatWasNeverRecordedIsAtTheNextStart) {
  MakeService("a", "10.0.0.7");
  for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
  ASSERT_EQ(Ask("DELETE", kAddresses + std::string("/10.0.0.7")).code, 200);
  AddressRepair next(*store_, clock_, random_);
  EXPECT_EQ(next.Step(), kNever);
  EXPECT_EQ(AddressOf("10.0.0.7").body["spec"]["parentRef"]["name"], "a");
}

// Refuses reads of services for a while.
class ServicesAwayStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    if (away && key.starts_with(kPrefix)) return Fail(Reason::kInternalError, "away");
    return ForwardingStore::Get(key, at);
  }
  Result<ListPage> List(const ListRequest& request) override {
    if (away && request.prefix.starts_with(kPrefix)) return Fail(Reason::kInternalError, "away");
    return ForwardingStore::List(request);
  }

  bool away = false;

 private:
  static constexpr std::string_view kPrefix = "/registry/services/specs/";
};

TEST_F(AddressRepairTest, OneThatIsDeletedComesBackThoughItsServiceCannotBeReadAtOnce) {
  MakeService("a", "10.0.0.7");
  for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
  ServicesAwayStore store(*store_);
  AddressRepair repair(store, clock_, random_);
  EXPECT_EQ(repair.Step(), kNever);
  ASSERT_EQ(Ask("DELETE", kAddresses + std::string("/10.0.0.7")).code, 200);
  store.away = true;
  EXPECT_LT(repair.Step(), 1min);
  EXPECT_EQ(AddressOf("10.0.0.7").code, 404);
  store.away = false;
  EXPECT_EQ(repair.Step(), kNever);
  EXPECT_EQ(AddressOf("10.0.0.7").body["spec"]["parentRef"]["name"], "a");
}

// Counts lists of services.
class CountingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ListPage> List(const ListRequest& request) override {
    lists += request.prefix == "/registry/services/specs/" ? 1 : 0;
    return ForwardingStore::List(request);
  }
  int lists = 0;
};

TEST_F(AddressRepairTest, OneWhoseServiceCannotBeReadIsInUseAndLookedAtNowAndThen) {
  MakeService("a", "10.0.0.7");
  MakeService("b", "10.0.0.8");
  for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
  const std::string key = "/registry/services/specs/default/a";
  const std::string value = store_->Get(key).value()->value;
  ASSERT_TRUE(store_->Apply({.key = key, .value = "no service"}));
  CountingStore store(*store_);
  AddressRepair repair(store, clock_, random_);
  EXPECT_EQ(repair.Step(), AddressRepair::kUnknownEvery);
  EXPECT_EQ(store.lists, 1);
  ASSERT_EQ(Ask("DELETE", kAddresses + std::string("/10.0.0.7")).code, 200);
  EXPECT_EQ(repair.Step(), AddressRepair::kUnknownEvery);
  EXPECT_EQ(store.lists, 1) << "nothing would come of it";
  EXPECT_EQ(AddressOf("10.0.0.7").code, 404);
  ASSERT_TRUE(store_->Apply({.key = key, .value = value}));
  clock_.Advance(AddressRepair::kUnknownEvery);
  EXPECT_EQ(repair.Step(), kNever);
  EXPECT_EQ(AddressOf("10.0.0.7").body["spec"]["parentRef"]["name"], "a");
}

TEST_F(AddressRepairTest, HoweverAServiceWritesItsAddressItsRecordGoesWithIt) {
  MakeService("a", "010.0.0.9");
  EXPECT_EQ(AddressOf("10.0.0.9").code, 200);
  ASSERT_EQ(Ask("DELETE", kServices + std::string("/a")).code, 200);
  EXPECT_EQ(AddressOf("10.0.0.9").code, 404);
}

}  // namespace
}  // namespace skiff
