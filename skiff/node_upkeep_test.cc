// What a joined node sees to while it runs: its certificates, and the directories of claims that
// are gone; over real TLS, with the rights that a node has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "api/codec/json.h"
#include "api/gen/authentication_v1.h"
#include "api/pods/local_volumes.h"
#include "base/hash.h"
#include "client/renewable_transport.h"
#include "controllers/identity/certificate_rules.h"
#include "kubelet/volumes/local_volume_reclaimer.h"
#include "skiff/certificate_rotation.h"
#include "skiff/joined_cluster_test.h"
#include "skiff/serving_certificate.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::PersistentVolume;
using testing::AllOf;
using testing::HasSubstr;

TEST(RotationTimeTest, ACertificateIsRenewedAtSeventyToNinetyPercentOfItsLife) {
  const TimePoint begin{1'700'000'000s};
  const Validity validity{begin, begin + 1000s};
  EXPECT_EQ(RotationTime(validity, 0), begin + 700s);
  EXPECT_EQ(RotationTime(validity, 0.5), begin + 800s);
  EXPECT_LT(RotationTime(validity, 0.999), begin + 900s);
}

TEST(NodeIdentityTest, WhatCannotBeLookedAtHoldsNone) {
  // For root as for anybody: a link to itself.
  const std::string loop = testing::TempDir() + "/identity_loop";
  std::filesystem::remove(loop);
  std::filesystem::create_symlink("identity_loop", loop);
  const auto identity = LoadNodeIdentity(loop);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().reason, Reason::kNotFound);
  std::filesystem::remove(loop);
}

TEST(RotationTest, WhoIsNeverAnsweredAsksEverLessOften) {
  FakeClock clock(TimePoint{1'700'000'000s});
  SeededRandom random(1);
  int asked = 0;
  InProcessTransport transport([&](const http::Request&) {
    ++asked;
    http::Response response;
    response.status = 503;
    return response;
  });
  Client client(transport, "kubelet");
  CertificateRotation rotation({client, clock, random},
                               {certificates::kKubeletClientSigner, NodeClientCertificate("n").order},
                               "",
                               [](const KeyPair&) { return Result<>(); });
  SteppedExecutor executor(clock, 1);
  rotation.Start(executor);
  executor.RunFor(1h);
  rotation.Stop();
  // At once, after 10, 20, 40, 80, 160 and 320 s more, and then every ten minutes.
  EXPECT_EQ(asked, 11);
  MetricRegistry metrics;
  AddCertificateMetrics(metrics, clock, rotation, rotation);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("\nkubelet_certificate_manager_client_ttl_seconds +Inf\n"));
  EXPECT_THAT(text,
              HasSubstr("\nkubelet_certificate_manager_client_expiration_renew_errors 11\n"));
  EXPECT_THAT(text, HasSubstr("\nkubelet_server_expiration_renew_errors 11\n"));
}

// Signs whatever is asked for, by the right time, and is watched for the answer.
class Signer {
 public:
  explicit Signer(const Clock& clock)
      : clock_(clock), authority_(*CertificateAuthority::Create("cluster", clock.Now())) {}
  http::Response Handle(const http::Request& request) {
    http::Response response;
    response.status = 200;
    response.content_type = "application/json";
    if (request.method == "POST") {
      ++asked;
      Json object = *ParseJson(request.body);
      const std::string pem = object["spec"]["request"];
      const auto signed_pem = authority_.SignRequest(
          *FromBase64(pem), {.not_before = clock_.Now() - kBackdate,
                             .not_after = clock_.Now() + 24h * 365, .client = true});
      object["metadata"]["resourceVersion"] = std::to_string(asked);
      const Json approved = {{"type", "Approved"}, {"status", "True"}};
      object["status"]["conditions"] = Json::array({approved});
      object["status"]["certificate"] = Base64(*signed_pem);
      last_ = object;
      response.status = 201;
      response.body = object.dump();
      return response;
    }
    response.body = Json{{"apiVersion", "certificates.k8s.io/v1"},
                         {"kind", "CertificateSigningRequestList"},
                         {"metadata", {{"resourceVersion", std::to_string(asked)}}},
                         {"items", {last_}}}
                        .dump();
    return response;
  }
  int asked = 0;

 private:
  const Clock& clock_;
  const CertificateAuthority authority_;
  Json last_;
};

TEST(RotationTest, WhoseClockIsFarAheadAsksEverLessOftenAndAsBeforeOnceItIsRight) {
  FakeClock right(TimePoint{1'700'000'000s});
  FakeClock wrong(right.Now());
  Signer signer(right);
  SeededRandom random(1);
  InProcessTransport transport(
      [&](const http::Request& request) { return signer.Handle(request); });
  Client client(transport, "kubelet");
  int taken = 0;
  CertificateRotation rotation({client, wrong, random},
                               {certificates::kKubeletClientSigner, NodeClientCertificate("n").order},
                               "", [&](const KeyPair&) -> Result<> {
                                 ++taken;
                                 return {};
                               });
  SteppedExecutor executor(wrong, 1);
  rotation.Start(executor);
  executor.RunFor(1min);
  EXPECT_EQ(signer.asked, 1);
  MetricRegistry metrics;
  AddCertificateMetrics(metrics, wrong, rotation, rotation);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("\nkubelet_certificate_manager_server_ttl_seconds 315359"));
  EXPECT_EQ(rotation.failures(), 0U);
  wrong.JumpWall(24h * 365);
  executor.RunFor(1h);
  EXPECT_GE(signer.asked, 10);
  EXPECT_LE(signer.asked, 14);
  EXPECT_EQ(taken, signer.asked) << "what there is is used";
  // Once the last one is not due any more, all is forgotten.
  const int before = signer.asked;
  wrong.JumpWall(-24h * 365);
  executor.RunFor(1h);
  EXPECT_EQ(signer.asked, before);
  wrong.JumpWall(24h * 365);
  executor.RunFor(1min);
  EXPECT_EQ(signer.asked, before + 3) << "at once, after 10 s and after 20 s more";
  rotation.Stop();
}

// A node whose services' certificate ended while it was off, and whose API server is away, says no
// or takes a request that nobody then answers.
class NodeServicesAtStartTest : public testing::Test {
 protected:
  NodeServicesAtStartTest() { std::filesystem::create_directories(directory_ + "/pki"); }
  ~NodeServicesAtStartTest() override { std::filesystem::remove_all(directory_); }

  static constexpr int kTaken = 201;

  Result<KeyPair> Start(int code, Duration timeout = 1s) {
    const std::string reason = code == 403 ? "Forbidden" : "ServiceUnavailable";
    InProcessTransport transport([&](const http::Request& request) {
      http::Response response;
      if (code == kTaken && request.method == "POST") {
        response.status = code;
        response.content_type = "application/json";
        response.body = request.body;
        return response;
      }
      response.status = code == 403 ? 403 : 503;
      response.content_type = "application/json";
      response.body = Json{{"kind", "Status"},
                           {"apiVersion", "v1"},
                           {"status", "Failure"},
                           {"reason", reason},
                           {"message", "no"},
                           {"code", response.status}}
                          .dump();
      return response;
    });
    Client client(transport, "skiff");
    return NodeServicesAtStart(directory_, "n", {client, clock_, random_}, timeout);
  }
  const std::string directory_ = testing::TempDir() + "/skiff-services-" + std::to_string(getpid());
  FakeClock clock_{TimePoint{1'700'000'000s}};
  SeededRandom random_{1};
};

TEST_F(NodeServicesAtStartTest, ItStartsWithWhatItHas) {
  const auto none = Start(503);
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->certificate_pem, "");
  const auto unanswered = Start(kTaken, 1ms);
  ASSERT_TRUE(unanswered) << unanswered.error().message;
  EXPECT_EQ(unanswered->certificate_pem, "");
  EXPECT_EQ(Start(403).error().reason, Reason::kForbidden) << "who never had one is told why";
  const auto authority = *CertificateAuthority::Create("cluster", clock_.Now());
  const KeyPair pair = *authority.Issue(NodeServicesCertificate("n").order, clock_.Now());
  ASSERT_TRUE(SaveNodeServices(directory_, pair));
  EXPECT_EQ(Start(503)->certificate_pem, pair.certificate_pem);
  clock_.Advance(24h * 365 * 20);
  ASSERT_FALSE(LoadNodeServices(directory_, "n", clock_.Now())) << "it has ended";
  for (const int code : {503, 403}) {
    const auto started = Start(code);
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ(started->certificate_pem, pair.certificate_pem);
  }
}

class NodeUpkeepTest : public JoinedClusterTest {
 protected:
  // A machine that joins; its client has its rights.
  void JoinAs(const std::string& name) {
    const auto identity = Join(OptionsFor(MakeToken(), name));
    ASSERT_TRUE(identity) << identity.error().message;
    identity_ = *identity;
    node_transport_ = *MakeRenewableTransport(HttpsOptionsOf(identity_));
    node_ = std::make_unique<Client>(*node_transport_, "kubelet");
  }
  // By which certificate the server knows the node.
  std::string Credential() {
    const auto review = node_->Create(authentication_v1::SelfSubjectReview());
    EXPECT_TRUE(review) << review.error().message;
    if (!review) return "";
    EXPECT_EQ((*review)->status.user_info.username, "system:node:" + identity_.node_name);
    return (*review)->status.user_info.extra.at("authentication.kubernetes.io/credential-id").at(0);
  }
  // As what serves the cluster's network from the node: with a certificate that the node asks for.
  void BecomeServices() {
    const auto pair = ObtainClientCertificate(
        {*node_, clock_, random_}, NodeServicesCertificate(identity_.node_name), kPatience);
    ASSERT_TRUE(pair) << pair.error().message;
    ASSERT_TRUE(SaveNodeServices(directory_, *pair));
    NodeIdentity services = identity_;
    services.client = *LoadNodeServices(directory_, identity_.node_name, clock_.Now());
    services_transport_ = *MakeHttpsTransport(HttpsOptionsOf(services));
    services_ = std::make_unique<Client>(*services_transport_, "skiff-node-services");
  }
  // Runs a rotation until it has taken a certificate.
  KeyPair Rotate(const Clock& clock, CertificateRotation::Options options,
                 const std::string& current, const CertificateRotation::Take& take) {
    Mutex mutex;
    CondVar changed;
    std::optional<KeyPair> taken;
    ThreadExecutor executor("test", 3);
    CertificateRotation rotation({*node_, clock, random_}, std::move(options), current,
                                 [&](const KeyPair& next) {
                                   const auto done = take(next);
                                   const MutexLock lock(mutex);
                                   taken = next;
                                   changed.notify_all();
                                   return done;
                                 });
    rotation.Start(executor);
    {
      MutexLock lock(mutex);
      EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return taken.has_value(); }));
    }
    rotation.Stop();
    return taken.value_or(KeyPair());
  }

  NodeIdentity identity_;
  std::unique_ptr<RenewableTransport> node_transport_;
  std::unique_ptr<Client> node_;
  std::unique_ptr<Transport> services_transport_;
  std::unique_ptr<Client> services_;
};

TEST_F(NodeUpkeepTest, WhatServesTheNetworkIsSomebodyElseThanTheKubelet) {
  JoinAs("served");
  EXPECT_FALSE(LoadNodeServices(directory_, "served", clock_.Now()));
  BecomeServices();
  EXPECT_FALSE(LoadNodeServices(directory_, "another", clock_.Now()));
  EXPECT_FALSE(LoadNodeServices(directory_, "served", clock_.Now() + 24h * 400)) << "it has ended";
  const auto review = services_->Create(authentication_v1::SelfSubjectReview());
  ASSERT_TRUE(review) << review.error().message;
  EXPECT_EQ((*review)->status.user_info.username, "skiff:node-services:served");
  EXPECT_TRUE(services_->List<Node>({}));
  EXPECT_FALSE(node_->List<Node>({}));
  EXPECT_FALSE(services_->List<core_v1::Secret>({}));
}

TEST_F(NodeUpkeepTest, AClientCertificateIsRenewedAndUsedWhileTheNodeRuns) {
  JoinAs("rotated");
  const std::string before = Credential();
  // Nine tenths of a year are over.
  const FakeClock later(clock_.Now() + 24h * 330);
  const KeyPair next =
      Rotate(later, {certificates::kKubeletClientSigner, NodeClientCertificate("rotated").order},
             identity_.client.certificate_pem, [&](const KeyPair& taken) -> Result<> {
               NodeIdentity renewed = identity_;
               renewed.client = taken;
               return SaveNodeIdentity(directory_, renewed).and_then([&] {
                 return node_transport_->Renew(taken.certificate_pem, taken.key_pem);
               });
             });
  EXPECT_NE(next.certificate_pem, identity_.client.certificate_pem);
  EXPECT_NE(Credential(), before) << "by the new one from now on";
  EXPECT_EQ(LoadNodeIdentity(directory_)->client.certificate_pem, next.certificate_pem);
}

// As JoinedNode does it where nobody signs at its start.
TEST_F(NodeUpkeepTest, ServicesThatStartWithNoCertificateAreGivenOne) {
  JoinAs("late");
  NodeIdentity services = identity_;
  services.client = {};
  auto transport = MakeRenewableTransport(HttpsOptionsOf(services));
  ASSERT_TRUE(transport) << transport.error().message;
  Client client(**transport, "skiff-node-services");
  EXPECT_FALSE(client.List<Node>({})) << "the cluster does not know it";
  const WantedCertificate wanted = NodeServicesCertificate("late");
  Rotate(clock_, {wanted.signer, wanted.order}, "", [&](const KeyPair& taken) {
    return (*transport)->Renew(taken.certificate_pem, taken.key_pem);
  });
  const auto nodes = client.List<Node>({});
  EXPECT_TRUE(nodes) << nodes.error().message;
}

TEST_F(NodeUpkeepTest, ACertificateThatIsYoungIsLeftAloneWhateverTheClockSaidMeanwhile) {
  JoinAs("young");
  FakeClock clock(clock_.Now());
  SteppedExecutor executor(clock, 1);
  CertificateRotation rotation(
      {*node_, clock, random_},
      {certificates::kKubeletClientSigner, NodeClientCertificate("young").order},
      identity_.client.certificate_pem, [](const KeyPair&) { return Result<>(); });
  const auto requests = [&] {
    return admin_->List<certificates_v1::CertificateSigningRequest>({})->size();
  };
  const size_t before = requests();
  rotation.Start(executor);
  clock.JumpWall(24h * 250);
  executor.RunFor(2min);
  EXPECT_EQ(requests(), before);
  // The clock was wrong when it was looked at, and is set right while the certificate ends.
  clock.JumpWall(-24h * 1000);
  executor.RunFor(2min);
  EXPECT_EQ(requests(), before);
  clock.JumpWall(24h * 1080);
  executor.RunFor(2min);
  EXPECT_GT(requests(), before);
  rotation.Stop();
}

TEST_F(NodeUpkeepTest, AKubeletGetsAServingCertificateForItsAddresses) {
  JoinAs("serving");
  Node node;
  node.metadata.name = "serving";
  const std::vector<std::string> addresses = {"10.9.8.7", "fd00::7"};
  for (const std::string& each : addresses) {
    auto& address = node.status.addresses.emplace_back();
    address.type = "InternalIP";
    address.address = each;
  }
  ASSERT_TRUE(node_->Create(node));
  const ServingFiles files{directory_, "serving", addresses};
  const auto first = LoadServingCertificate(files, clock_.Now());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->is_signed);
  const KeyPair next =
      Rotate(clock_, {certificates::kKubeletServingSigner, ServingOrder(files)}, "",
             [&](const KeyPair& taken) { return SaveServingCertificate(files, taken); });
  EXPECT_THAT(NamesOfCertificate(next.certificate_pem)->ip_addresses,
              testing::ElementsAreArray(addresses));
  // The next start takes the same one up again, unless the addresses are others by then.
  const auto later = LoadServingCertificate(files, clock_.Now());
  EXPECT_TRUE(later->is_signed);
  EXPECT_EQ(later->pair.certificate_pem, next.certificate_pem);
  const auto is_signed_for = [&](const std::vector<std::string>& present) {
    return LoadServingCertificate({directory_, "serving", present}, clock_.Now())->is_signed;
  };
  EXPECT_TRUE(is_signed_for({"10.9.8.7"})) << "no router has told of itself yet";
  EXPECT_FALSE(is_signed_for({"10.9.8.7", "fd00::8"}));
  EXPECT_FALSE(is_signed_for({"10.9.8.6"}));
}

TEST_F(NodeUpkeepTest, ANodeRemovesTheDirectoryItIsToldToAndDeletesNoOtherVolume) {
  JoinAs("keeper");
  BecomeServices();
  PersistentVolume volume;
  volume.metadata.name = "pvc-1";
  volume.metadata.labels[kReclaimedBy] = "keeper";
  volume.spec.capacity["storage"] = *Quantity::Parse("1Gi");
  volume.spec.access_modes = {"ReadWriteOnce"};
  volume.spec.persistent_volume_reclaim_policy = "Delete";
  auto& claim = volume.spec.claim_ref.Ensure();
  claim.kind = "PersistentVolumeClaim";
  claim.namespace_ = "default";
  claim.name = "gone";
  claim.uid = "1";
  const std::string path = directory_ + "/" + LocalVolumeDirectory("pvc-1", claim);
  volume.spec.host_path.Ensure().path = path;
  std::filesystem::create_directories(path + "/sub");
  std::ofstream(path + "/sub/file") << "data";

  PersistentVolume other = volume;
  other.metadata.name = "pvc-2";
  other.metadata.labels[kReclaimedBy] = "node-0";
  ASSERT_TRUE(admin_->Create(other));
  EXPECT_FALSE(node_->Delete<PersistentVolume>({"", "pvc-2"}));
  const auto refused = services_->Delete<PersistentVolume>({"", "pvc-2"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("can only delete volumes that its node is to reclaim"));
  EXPECT_FALSE(services_->Patch(other, [](PersistentVolume& it) { it.metadata.labels.clear(); }));

  EventSink sink(*node_, clock_);
  EventRecorder events(sink, clock_, "kubelet", "keeper");
  ScopedInformer<PersistentVolume> assigned(
      {*services_, clock_, random_}, {.label_selector = std::string(kReclaimedBy) + "=keeper"});
  kubelet::LocalVolumeReclaimer reclaimer({assigned.informer(), *services_, events}, "keeper");
  ThreadExecutor executor("test", 3);
  executor.Add(reclaimer);
  assigned.Start(executor);
  ASSERT_TRUE(admin_->Create(volume));
  // Its phase is Released once the controllers have seen that the claim is gone.
  Mutex mutex;
  CondVar changed;
  bool is_gone = false;
  ScopedInformer<PersistentVolume> all({*admin_, clock_, random_}, {});
  all.informer().OnChange([&](const Ptr<PersistentVolume>& before, const auto& now) {
    if (now || before->metadata.name != "pvc-1") return;
    const MutexLock lock(mutex);
    is_gone = true;
    changed.notify_all();
  });
  all.Start(executor);
  {
    MutexLock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return is_gone; }));
  }
  all.Stop();
  assigned.Stop();
  executor.Remove(reclaimer);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(admin_->Get<PersistentVolume>({"", "pvc-2"}));
}

}  // namespace
}  // namespace skiff
