#include "apiserver/server/identity_lease.h"

#include "apiserver/auth/user.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/tokens/server_identity.h"

namespace skiff {
namespace {

constexpr const char* kLeases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

class IdentityLeaseTest : public ServerFixture {
 protected:
  std::unique_ptr<IdentityLease> Of(const std::string& host) {
    return std::make_unique<IdentityLease>(
        *store_, clock_, random_, host, [this](const http::Request& request) {
          return Awaited(server_->Handle(request, LoopbackUser()));
        });
  }
  static std::string Path(const std::string& host) {
    return std::string(kLeases) + "/" + ServerIdentityOf(host);
  }
  size_t Count() {
    const Answer all = Get(std::string(kLeases) +
                           "?labelSelector=apiserver.kubernetes.io/identity=kube-apiserver");
    return all.body["items"].size();
  }
};

TEST_F(IdentityLeaseTest, SaysWhichServerThereIs) {
  const auto lease = Of("one");
  EXPECT_EQ(lease->Step(), IdentityLease::kPeriod);
  const Json found = Get(Path("one")).body;
  EXPECT_EQ(found["metadata"]["labels"]["apiserver.kubernetes.io/identity"], "kube-apiserver");
  EXPECT_EQ(found["metadata"]["labels"]["kubernetes.io/hostname"], "one");
  EXPECT_EQ(found["metadata"]["managedFields"][0]["manager"], "kube-apiserver");
  const std::string holder = found["spec"]["holderIdentity"];
  EXPECT_TRUE(holder.starts_with(lease->name() + "_")) << holder;
  EXPECT_EQ(found["spec"]["leaseDurationSeconds"], 3600);
  EXPECT_EQ(found["spec"]["renewTime"], "2023-11-14T22:13:20.000000Z");
}

TEST_F(IdentityLeaseTest, IsRenewedAndWhatOthersAddedStays) {
  const auto lease = Of("one");
  lease->Step();
  const Json before = Get(Path("one")).body;
  ASSERT_EQ(Merge(Path("one"), R"({"metadata": {"annotations": {"a": "b"}}})").code, 200);
  clock_.Advance(IdentityLease::kPeriod);
  EXPECT_EQ(lease->Step(), IdentityLease::kPeriod);
  const Json after = Get(Path("one")).body;
  EXPECT_EQ(after["metadata"]["uid"], before["metadata"]["uid"]);
  EXPECT_EQ(after["metadata"]["annotations"]["a"], "b");
  EXPECT_EQ(after["spec"]["renewTime"], "2023-11-14T22:13:30.000000Z");
  EXPECT_EQ(after["spec"]["holderIdentity"], before["spec"]["holderIdentity"]);
}

TEST_F(IdentityLeaseTest, ComesBackWhenItIsDeleted) {
  const auto lease = Of("one");
  lease->Step();
  ASSERT_EQ(Ask("DELETE", Path("one")).code, 200);
  lease->Step();
  EXPECT_EQ(Get(Path("one")).code, 200);
}

TEST_F(IdentityLeaseTest, ANewStartHasTheSameNameAndAnotherHolder) {
  Of("one")->Step();
  const Json before = Get(Path("one")).body;
  Of("one")->Step();
  const Json after = Get(Path("one")).body;
  EXPECT_NE(after["spec"]["holderIdentity"], before["spec"]["holderIdentity"]);
  EXPECT_NE(after["metadata"]["uid"], before["metadata"]["uid"]);
  EXPECT_EQ(Count(), 1u);
}

TEST_F(IdentityLeaseTest, GoesWithItsServerAlone) {
  const auto one = Of("one"), two = Of("two"), again = Of("two");
  one->Step();
  two->Step();
  EXPECT_EQ(Count(), 2u);
  again->Step();
  two->Withdraw();
  EXPECT_EQ(Get(Path("two")).code, 200) << "it is the other's on that machine";
  EXPECT_EQ(two->Step(), kNever);
  again->Withdraw();
  EXPECT_EQ(Get(Path("two")).code, 404);
  EXPECT_EQ(Get(Path("one")).code, 200);
}

TEST_F(IdentityLeaseTest, ThatOfAServerThatIsGoneIsRemovedOnceItHasRunOut) {
  const auto one = Of("one");
  Of("two")->Step();
  one->Step();
  ASSERT_EQ(Post(kLeases, R"({"metadata": {"name": "another"}})").code, 201);
  clock_.Advance(IdentityLease::kLasts);
  one->Step();
  EXPECT_EQ(Get(Path("two")).code, 200) << "it lasts that long";
  clock_.Advance(IdentityLease::kCollectEvery);
  one->Step();
  EXPECT_EQ(Get(Path("two")).code, 404);
  EXPECT_EQ(Get(Path("one")).code, 200);
  EXPECT_EQ(Get(std::string(kLeases) + "/another").code, 200) << "it is no server's";
}

TEST_F(IdentityLeaseTest, AServerHasOneWhereItsMachineHasAName) {
  EXPECT_EQ(Count(), 0u) << "none where it has not";
  const auto other = *ApiServer::Create({.authorization_modes = {"RBAC"}, .identity_host = "other"},
                                        {*store_, clock_, random_});
  const auto check = [&](const std::string& name) {
    http::Request request;
    request.method = "GET";
    request.path = "/livez/poststarthook/start-kube-apiserver-identity-lease-" + name;
    return other->Handle(request, LoopbackUser()).status;
  };
  EXPECT_EQ(check("controller"), 200) << "nobody is kept waiting for it";
  for (ControlLoop* loop : other->loops()) executor_.Add(*loop);
  Settle();
  EXPECT_EQ(Get(Path("other")).code, 200);
  EXPECT_EQ(check("controller"), 200);
  EXPECT_EQ(check("garbage-collector"), 200);
  other->BeginShutdown();
  EXPECT_EQ(Get(Path("other")).code, 404);
  for (ControlLoop* loop : other->loops()) executor_.Remove(*loop);
}

}  // namespace
}  // namespace skiff
