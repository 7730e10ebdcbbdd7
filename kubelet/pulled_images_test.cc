#include "kubelet/pulled_images.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <stop_token>
#include <thread>

#include "base/hash.h"
#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/image_puller.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

const PullSecret kSecret{"uid-1", "default", "mine", "digest-1"};

class PulledImagesTest : public testing::Test {
 protected:
  PulledImagesTest() {
    char name[] = "/tmp/skiff-pulled-images-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  ~PulledImagesTest() override { fs::remove_all(directory_); }
  PulledImages::Settings Settings(PullVerification verification = PullVerification::kPulled) const {
    return {directory_, verification, {"registry.example.com/team/*", "quay.io/app"}};
  }
  static bool MustPull(PulledImages& images, const std::string& image,
                       const std::vector<PullSecret>& secrets = {}) {
    return images.MustPull(image, "sha256:1", [&] { return secrets; });
  }
  static void Pull(PulledImages& images, const std::string& image,
                   const std::optional<PullSecret>& secret) {
    ASSERT_TRUE(images.Begin(image));
    images.End(image, "sha256:1", secret, TimePoint(5s));
  }

  std::string directory_;
};

TEST_F(PulledImagesTest, WhatWasPulledWithASecretIsForThoseWhoHaveIt) {
  PulledImages images(Settings());
  EXPECT_FALSE(MustPull(images, "quay.io/private:1"));  // Somebody put it there by hand.
  Pull(images, "quay.io/private:1", kSecret);
  EXPECT_TRUE(MustPull(images, "quay.io/private:1"));
  EXPECT_FALSE(MustPull(images, "quay.io/private:1", {kSecret}));
  EXPECT_FALSE(MustPull(images, "quay.io/private:2", {kSecret}));  // Of whatever tag.
  EXPECT_TRUE(MustPull(images, "quay.io/other:1", {kSecret}));     // Under another name.
  // A copy of it, and the same secret with another password.
  EXPECT_FALSE(MustPull(images, "quay.io/private:1", {{"uid-2", "b", "copy", "digest-1"}}));
  EXPECT_FALSE(MustPull(images, "quay.io/private:1", {{"uid-1", "default", "mine", "new"}}));
  EXPECT_TRUE(MustPull(images, "quay.io/private:1", {{"uid-2", "default", "mine", "digest-2"}}));
}

TEST_F(PulledImagesTest, WhatAnybodyCouldPullIsForAll) {
  PulledImages images(Settings());
  Pull(images, "busybox", kSecret);
  Pull(images, "docker.io/library/busybox:1", std::nullopt);
  EXPECT_FALSE(MustPull(images, "busybox"));
  Pull(images, "busybox", kSecret);
  EXPECT_FALSE(MustPull(images, "busybox"));
}

TEST_F(PulledImagesTest, ARestartForgetsNothing) {
  {
    PulledImages images(Settings());
    Pull(images, "quay.io/private", kSecret);
    ASSERT_TRUE(images.Begin("quay.io/cut"));  // It ends before the pull does.
  }
  PulledImages images(Settings());
  EXPECT_TRUE(images.NeedsRecovery());
  EXPECT_TRUE(MustPull(images, "quay.io/private", {kSecret}));  // Nobody knows what is there.
  images.Recover({}, TimePoint(4s));
  EXPECT_TRUE(MustPull(images, "quay.io/private"));
  EXPECT_FALSE(MustPull(images, "quay.io/private", {kSecret}));
  EXPECT_TRUE(images.MustPull("quay.io/cut", "sha256:2", [] { return std::vector<PullSecret>(); }));
  images.Keep({"sha256:1"}, TimePoint(9s));
  EXPECT_TRUE(MustPull(images, "quay.io/private"));
  images.Keep({}, TimePoint(5s));  // It may have come after that look.
  EXPECT_TRUE(MustPull(images, "quay.io/private"));
  images.Keep({}, TimePoint(9s));
  EXPECT_FALSE(MustPull(images, "quay.io/private"));
  EXPECT_TRUE(fs::is_empty(directory_ + "/pulled"));
}

TEST_F(PulledImagesTest, WhatAnInterruptedPullBroughtIsForNobodyYet) {
  const cri::Image cut{.id = "sha256:1",
                       .repo_tags = {"docker.io/library/cut:latest", "quay.io/cut:2"},
                       .repo_digests = {}};
  { ASSERT_TRUE(PulledImages(Settings()).Begin("cut")); }
  {
    PulledImages images(Settings());
    ASSERT_TRUE(images.Begin("cut"));  // A stranger's, which is denied.
    images.End("cut", std::nullopt, std::nullopt, TimePoint(5s));
    EXPECT_TRUE(MustPull(images, "cut"));
  }
  {
    PulledImages images(Settings());
    ASSERT_TRUE(images.NeedsRecovery());
    images.Recover({cut}, TimePoint(5s));
    EXPECT_FALSE(images.NeedsRecovery());
    EXPECT_TRUE(fs::is_empty(directory_ + "/pulling"));
    ASSERT_TRUE(images.Begin("cut"));
    images.End("cut", std::nullopt, std::nullopt, TimePoint(5s));
    EXPECT_TRUE(MustPull(images, "cut"));
    EXPECT_TRUE(MustPull(images, "quay.io/cut:2"));
  }
  PulledImages images(Settings());
  EXPECT_TRUE(MustPull(images, "quay.io/cut:2"));
  const auto none = [] { return std::vector<PullSecret>(); };
  EXPECT_FALSE(images.MustPull("quay.io/other", "sha256:2", none));
}

TEST_F(PulledImagesTest, ARecordThatCannotBeWrittenOrReadIsNoReasonToTrust) {
  const std::string path = directory_ + "/pulled/sha256-" + Hex(Sha256("sha256:1"));
  fs::create_directories(path + "/in/the/way");
  {
    PulledImages images(Settings());
    Pull(images, "quay.io/private", kSecret);
    EXPECT_TRUE(MustPull(images, "quay.io/private:2"));
    EXPECT_FALSE(fs::is_empty(directory_ + "/pulling"));
  }
  fs::remove_all(path);
  std::ofstream(path) << std::string(2 << 20, ' ');
  std::ofstream(path + ".new") << "{";
  PulledImages images(Settings());
  images.Recover({}, TimePoint(5s));
  EXPECT_FALSE(fs::exists(path + ".new"));
  EXPECT_TRUE(MustPull(images, "quay.io/other"));
  Pull(images, "quay.io/private", kSecret);
  EXPECT_FALSE(MustPull(images, "quay.io/private", {kSecret}));
  EXPECT_TRUE(fs::is_empty(directory_ + "/pulling"));
}

TEST_F(PulledImagesTest, TheLatestSecretsAreKeptAndNotTooManyNames) {
  PulledImages images(Settings());
  const auto secret = [](size_t i) {
    const std::string number = std::to_string(i);
    return PullSecret{number, "default", number, number};
  };
  for (size_t i = 0; i <= PulledImages::kSecretsMax; ++i) Pull(images, "quay.io/a", secret(i));
  EXPECT_TRUE(MustPull(images, "quay.io/a", {secret(0)}));
  EXPECT_FALSE(MustPull(images, "quay.io/a", {secret(PulledImages::kSecretsMax)}));
  for (size_t i = 0; i <= PulledImages::kRepositoriesMax; ++i) {
    Pull(images, "quay.io/b" + std::to_string(i), std::nullopt);
  }
  EXPECT_FALSE(MustPull(images, "quay.io/b0"));
  EXPECT_TRUE(MustPull(images, "quay.io/b" + std::to_string(PulledImages::kRepositoriesMax)));
}

TEST_F(PulledImagesTest, FilesThatSayNothingAreNoReasonToStop) {
  fs::create_directories(directory_ + "/pulled");
  std::ofstream(directory_ + "/pulled/sha256-a") << "{";
  std::ofstream(directory_ + "/pulled/sha256-b")
      << R"({"kind":"ImagePulledRecord","imageRef":"sha256:1","credentialMapping":7})";
  PulledImages images(Settings());
  EXPECT_TRUE(MustPull(images, "quay.io/private"));  // It was pulled, by nobody knows whom.
}

TEST_F(PulledImagesTest, ThePolicySaysWhoHasToShowASecret) {
  PulledImages never(Settings(PullVerification::kNever));
  Pull(never, "quay.io/private", kSecret);
  EXPECT_FALSE(MustPull(never, "quay.io/private"));
  PulledImages list(Settings(PullVerification::kNotOnList));
  EXPECT_FALSE(MustPull(list, "registry.example.com/team/a/b:3"));
  EXPECT_FALSE(MustPull(list, "quay.io/app@sha256:" + std::string(64, 'a')));
  EXPECT_TRUE(MustPull(list, "quay.io/app2"));
  PulledImages always(Settings(PullVerification::kAlways));
  EXPECT_TRUE(
      always.MustPull("quay.io/app", "sha256:3", [] { return std::vector<PullSecret>{kSecret}; }));
  EXPECT_TRUE(CheckImagePattern("registry.example.com/team/*"));
  EXPECT_FALSE(CheckImagePattern("registry.example.com/*/a"));
  EXPECT_FALSE(CheckImagePattern("quay.io/app:1"));
}

constexpr char kStalling[] = "quay.io/stalls:1";

// Pulls come to no end before so many are under way, or before they are stopped; who shows no
// secret gets none. That of kStalling comes to no other end.
class GuardedRuntime final : public cri::WrappedRuntime {
 public:
  GuardedRuntime(ContainerRuntime& inner, int at_once) : WrappedRuntime(inner), at_once_(at_once) {}
  Result<std::string> PullImage(const std::string& image, const cri::RegistryAuth& auth,
                                const cri::SandboxConfig&, const std::stop_token& stop) override {
    const std::stop_callback tell(stop, [this] {
      MutexLock lock(mutex_);
      changed_.notify_all();
    });
    MutexLock lock(mutex_);
    ++pulls_;
    changed_.notify_all();
    while (!stop.stop_requested() && (image == kStalling || pulls_ < at_once_)) changed_.wait(lock);
    if (stop.stop_requested()) return Fail(Reason::kServerTimeout, "context canceled");
    if (auth.username.empty()) return Fail(Reason::kForbidden, "denied");
    return image;
  }
  // Until so many have begun. Says how many have.
  int WaitForPulls(int count) {
    MutexLock lock(mutex_);
    while (pulls_ < count) changed_.wait(lock);
    return pulls_;
  }

 private:
  const int at_once_;
  Mutex mutex_;
  CondVar changed_;
  int pulls_ GUARDED_BY(mutex_) = 0;
};

class ImagePullsTest : public PulledImagesTest {
 protected:
  core_v1::Pod PodOf(const std::string& uid, const std::string& policy = "IfNotPresent") const {
    core_v1::Pod pod;
    pod.metadata.namespace_ = "default";
    pod.metadata.name = pod.metadata.uid = uid;
    auto& container = pod.spec.containers.emplace_back();
    container.name = "main";
    container.image = "quay.io/private:1";
    container.image_pull_policy = policy;
    return pod;
  }
  // Asks until the pull that it may take has ended.
  ImagePuller::Outcome Ensure(ImagePuller& puller, const core_v1::Pod& pod) {
    while (true) {
      if (auto outcome = puller.Ensure(pod, pod.spec.containers[0], {})) return *outcome;
      MutexLock lock(mutex_);
      while (!pulled_.contains(pod.metadata.uid)) changed_.wait(lock);
    }
  }
  ImagePuller::Dependencies DependenciesOf(int pulls_max, PulledImages* kept) {
    return {runtime_,
            clock_,
            events_,
            tasks_,
            [](const core_v1::Pod& pod) {
              RegistryCredentials credentials;
              if (pod.metadata.name != "owner") return credentials;
              core_v1::Secret secret;
              secret.metadata.namespace_ = "default";
              secret.metadata.name = secret.metadata.uid = "mine";
              secret.type = "kubernetes.io/dockerconfigjson";
              secret.data[".dockerconfigjson"] =
                  R"({"auths":{"quay.io":{"username":"u","password":"p"}}})";
              EXPECT_TRUE(credentials.Add(secret));
              return credentials;
            },
            [this](const std::string& uid) {
              MutexLock lock(mutex_);
              pulled_.insert(uid);
              changed_.notify_all();
            },
            nullptr,
            pulls_max,
            kept};
  }

  // Dependencies whose program has no end for the pod "hangs" before it is stopped.
  ImagePuller::Dependencies WithAProgramThatHangs() {
    auto dependencies = DependenciesOf(1, nullptr);
    dependencies.of_node = [this](const core_v1::Pod& pod, const std::string&,
                                  const std::stop_token& stop) {
      if (pod.metadata.name != "hangs") return std::vector<TrackedAuth>();
      const std::stop_callback tell(stop, [this] {
        MutexLock lock(mutex_);
        is_stopped_ = true;
        changed_.notify_all();
      });
      MutexLock lock(mutex_);
      is_asked_ = true;
      changed_.notify_all();
      while (!is_stopped_) changed_.wait(lock);
      return std::vector<TrackedAuth>(1);
    };
    return dependencies;
  }
  void WaitForProgram() {
    MutexLock lock(mutex_);
    while (!is_asked_) changed_.wait(lock);
  }

  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "kubelet"};
  EventSink sink_{client_, clock_};
  EventRecorder events_{sink_, clock_, "kubelet", "node-1"};
  cri::FakeRuntime fake_{clock_, random_, "10.1.0.0/24"};
  GuardedRuntime runtime_{fake_, 2};
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> pulled_ GUARDED_BY(mutex_);
  bool is_asked_ GUARDED_BY(mutex_) = false, is_stopped_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<PulledImages> kept_;
  std::unique_ptr<ImagePuller> puller_;
  ThreadExecutor executor_{"test", 8};
  TaskPool tasks_{executor_};
};

TEST_F(ImagePullsTest, AsManyRunAtOneTimeAsMay) {
  puller_ = std::make_unique<ImagePuller>(DependenciesOf(2, nullptr));
  core_v1::Pod one = PodOf("one", "Always"), two = PodOf("two", "Always");
  EXPECT_FALSE(puller_->Ensure(one, one.spec.containers[0], {}));
  EXPECT_FALSE(puller_->Ensure(two, two.spec.containers[0], {}));
  // The first alone would wait for ever.
  EXPECT_EQ(Ensure(*puller_, one).error().reason, "ErrImagePull");
  EXPECT_EQ(Ensure(*puller_, two).error().reason, "ErrImagePull");
}

TEST_F(ImagePullsTest, OneThatStallsEndsWithItsPodAndTheNextHasItsTurn) {
  auto dependencies = DependenciesOf(1, nullptr);
  dependencies.of_node = [](const core_v1::Pod& pod, const std::string&, const std::stop_token&) {
    return std::vector<TrackedAuth>(pod.metadata.name == "owner" ? 1 : 0);
  };
  puller_ = std::make_unique<ImagePuller>(std::move(dependencies));
  core_v1::Pod stalled = PodOf("owner", "Always"), next = PodOf("next", "Always");
  stalled.spec.containers[0].image = kStalling;
  EXPECT_FALSE(puller_->Ensure(stalled, stalled.spec.containers[0], {}));
  EXPECT_EQ(runtime_.WaitForPulls(1), 1);
  EXPECT_FALSE(puller_->Ensure(next, next.spec.containers[0], {}));
  puller_->Forget("owner");
  EXPECT_EQ(Ensure(*puller_, next).error().reason, "ErrImagePull");
  EXPECT_EQ(runtime_.WaitForPulls(2), 2) << "other credentials were tried for nobody";
}

TEST_F(ImagePullsTest, AProgramThatHangsHoldsNoOthersTurnAndEndsWithItsPod) {
  puller_ = std::make_unique<ImagePuller>(WithAProgramThatHangs());
  const core_v1::Pod hanging = PodOf("hangs", "Always");
  EXPECT_FALSE(puller_->Ensure(hanging, hanging.spec.containers[0], {}));
  WaitForProgram();
  core_v1::Pod next = PodOf("next", "Always"), third = PodOf("third", "Always");
  next.spec.containers[0].image = kStalling;
  EXPECT_FALSE(puller_->Ensure(next, next.spec.containers[0], {}));
  EXPECT_EQ(runtime_.WaitForPulls(1), 1) << "the only place is not the program's";
  puller_->Forget("next");
  EXPECT_EQ(Ensure(*puller_, third).error().reason, "ErrImagePull");
  puller_->Forget("hangs");  // Else the test would never end.
}

TEST_F(ImagePullsTest, AtTheEndNobodyWaitsForProgramsAndPulls) {
  puller_ = std::make_unique<ImagePuller>(WithAProgramThatHangs());
  const core_v1::Pod hanging = PodOf("hangs", "Always");
  EXPECT_FALSE(puller_->Ensure(hanging, hanging.spec.containers[0], {}));
  WaitForProgram();
  core_v1::Pod next = PodOf("next", "Always"), third = PodOf("third", "Always");
  next.spec.containers[0].image = third.spec.containers[0].image = kStalling;
  EXPECT_FALSE(puller_->Ensure(next, next.spec.containers[0], {}));
  EXPECT_EQ(runtime_.WaitForPulls(1), 1);
  EXPECT_FALSE(puller_->Ensure(third, third.spec.containers[0], {}));
  puller_->End();  // Else the test would never end.
  MutexLock lock(mutex_);
  EXPECT_TRUE(is_stopped_);
}

TEST_F(ImagePullsTest, AnImageOfAnothersSecretIsPulledAgainOrNotThere) {
  kept_ = std::make_unique<PulledImages>(Settings());
  puller_ = std::make_unique<ImagePuller>(DependenciesOf(2, kept_.get()));
  // Two at once, so that none is held up.
  core_v1::Pod owner = PodOf("owner", "Always"), stranger = PodOf("stranger");
  EXPECT_FALSE(puller_->Ensure(owner, owner.spec.containers[0], {}));
  core_v1::Pod other = PodOf("other", "Always");
  EXPECT_FALSE(puller_->Ensure(other, other.spec.containers[0], {}));
  EXPECT_TRUE(Ensure(*puller_, owner));
  EXPECT_EQ(Ensure(*puller_, stranger).error().reason, "ErrImagePull");
  EXPECT_EQ(Ensure(*puller_, PodOf("third", "Never")).error().reason, "ErrImageNeverPull");
  EXPECT_TRUE(Ensure(*puller_, PodOf("owner")));
}

TEST_F(ImagePullsTest, WhatThePodsAccountHasPulledIsForIt) {
  kept_ = std::make_unique<PulledImages>(Settings());
  auto dependencies = DependenciesOf(2, kept_.get());
  // Programs that take their time: no step of a pod waits for them.
  dependencies.of_node = [step = std::this_thread::get_id()](
                             const core_v1::Pod& pod, const std::string&, const std::stop_token&) {
    EXPECT_FALSE(std::this_thread::get_id() == step);
    TrackedAuth auth;
    auth.username = auth.password = "p";
    auth.secret = {pod.spec.service_account_name, "default", pod.spec.service_account_name, "",
                   /*is_account=*/true};
    return std::vector<TrackedAuth>(pod.spec.service_account_name.empty() ? 0 : 1, auth);
  };
  puller_ = std::make_unique<ImagePuller>(std::move(dependencies));
  core_v1::Pod first = PodOf("first", "Always"), other = PodOf("other", "Always");
  first.spec.service_account_name = "builder";
  EXPECT_FALSE(puller_->Ensure(first, first.spec.containers[0], {}));
  EXPECT_FALSE(puller_->Ensure(other, other.spec.containers[0], {}));
  (void)Ensure(*puller_, first);
  (void)Ensure(*puller_, other);
  core_v1::Pod second = PodOf("second", "Never"), third = PodOf("third", "Never");
  second.spec.service_account_name = "builder";
  third.spec.service_account_name = "reader";
  EXPECT_FALSE(puller_->Ensure(third, third.spec.containers[0], {})) << "it has been found out";
  puller_->Forget("third");
  EXPECT_TRUE(Ensure(*puller_, second));
  EXPECT_EQ(Ensure(*puller_, third).error().reason, "ErrImageNeverPull");
}

}  // namespace
}  // namespace skiff::kubelet
