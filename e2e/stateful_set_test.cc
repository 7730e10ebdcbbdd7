// StatefulSets and CronJobs on the real server and store, with pods that run at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/batch_v1.h"
#include "controllers/workloads/pod_control.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using apps_v1::ControllerRevision;
using apps_v1::StatefulSet;
using batch_v1::CronJob;
using batch_v1::Job;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class StatefulSetTest : public ControllersTest {
 protected:
  static StatefulSet SetOf(int replicas) {
    StatefulSet set;
    set.metadata.name = "db";
    set.metadata.namespace_ = "default";
    set.spec.replicas = replicas;
    set.spec.service_name = "db";
    set.spec.selector.Ensure().match_labels["app"] = "db";
    FillTemplate(set.spec.template_, "db", "image:1");
    auto& claim = set.spec.volume_claim_templates.emplace_back();
    claim.metadata.name = "data";
    claim.spec.access_modes = {"ReadWriteOnce"};
    claim.spec.resources.requests["storage"] = Quantity::FromValue(1);
    return set;
  }
  template <Kind K>
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& object : cluster_.List<K>("default")) names.push_back(object.metadata.name);
    return names;
  }
  template <typename Change>
  void Edit(Change change) {
    cluster_.Edit<StatefulSet>({"default", "db"}, change);
    cluster_.RunFor(30s);
  }
  std::vector<std::string> Images() {
    std::vector<std::string> images;
    for (const auto& pod : cluster_.List<Pod>("default")) {
      images.push_back(pod.spec.containers[0].image);
    }
    return images;
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, StatefulSetTest, kOrders);

TEST_P(StatefulSetTest, ItsPodsHaveNamesAndClaimsThatOutliveThem) {
  cluster_.Apply(SetOf(3)).RunFor(30s);
  EXPECT_THAT(Names<Pod>(), ElementsAre("db-0", "db-1", "db-2"));
  EXPECT_THAT(Names<PersistentVolumeClaim>(), ElementsAre("data-db-0", "data-db-1", "data-db-2"));
  const auto uid = cluster_.Get<Pod>({"default", "db-1"})->metadata.uid;
  cluster_.Delete<Pod>({"default", "db-1"}).RunFor(30s);
  EXPECT_NE(cluster_.Get<Pod>({"default", "db-1"})->metadata.uid, uid);
  Edit([](StatefulSet& it) { it.spec.replicas = 1; });
  EXPECT_THAT(Names<Pod>(), ElementsAre("db-0"));
  EXPECT_THAT(Names<PersistentVolumeClaim>(), SizeIs(3)) << "retained";
  EXPECT_EQ(cluster_.Get<StatefulSet>({"default", "db"})->status.ready_replicas, 1);
}

TEST_P(StatefulSetTest, InOrderNoneIsMadeBeforeTheOneBeforeRuns) {
  pods_start_ = false;
  cluster_.Apply(SetOf(3)).RunFor(30s);
  EXPECT_THAT(Names<Pod>(), ElementsAre("db-0"));
}

TEST_P(StatefulSetTest, ATemplateThatChangesRollsDownToThePartition) {
  cluster_.Apply(SetOf(3)).RunFor(30s);
  Edit([](StatefulSet& it) {
    it.spec.update_strategy.rolling_update.Ensure().partition = 2;
    it.spec.template_.spec.containers[0].image = "image:2";
  });
  EXPECT_THAT(Images(), ElementsAre("image:1", "image:1", "image:2"));
  auto set = cluster_.Get<StatefulSet>({"default", "db"});
  EXPECT_NE(set->status.current_revision, set->status.update_revision);
  EXPECT_EQ(set->status.current_replicas, 2);
  EXPECT_EQ(set->status.updated_replicas, 1);
  // A pod below the partition comes back as it was.
  cluster_.Delete<Pod>({"default", "db-0"}).RunFor(30s);
  EXPECT_THAT(Images(), ElementsAre("image:1", "image:1", "image:2"));

  Edit([](StatefulSet& it) { it.spec.update_strategy.rolling_update->partition = 0; });
  EXPECT_THAT(Images(), ElementsAre("image:2", "image:2", "image:2"));
  set = cluster_.Get<StatefulSet>({"default", "db"});
  EXPECT_EQ(set->status.current_revision, set->status.update_revision);
  EXPECT_EQ(set->status.current_replicas, 3);
  EXPECT_THAT(Names<ControllerRevision>(), SizeIs(2));
}

TEST_P(StatefulSetTest, ClaimsGoByTheRetentionPolicy) {
  StatefulSet set = SetOf(2);
  auto& policy = set.spec.persistent_volume_claim_retention_policy.Ensure();
  policy.when_scaled = "Delete";
  policy.when_deleted = "Delete";
  cluster_.Apply(set).RunFor(30s);
  Edit([](StatefulSet& it) { it.spec.replicas = 1; });
  EXPECT_THAT(Names<PersistentVolumeClaim>(), ElementsAre("data-db-0"));
  cluster_.Delete<StatefulSet>({"default", "db"}).RunFor(30s);
  EXPECT_THAT(Names<Pod>(), IsEmpty());
  EXPECT_THAT(Names<PersistentVolumeClaim>(), IsEmpty());
}

TEST_P(StatefulSetTest, AMemberComesBackWhenTheClaimOfTheOneBeforeIsGone) {
  StatefulSet set = SetOf(2);
  set.spec.persistent_volume_claim_retention_policy.Ensure().when_scaled = "Delete";
  cluster_.Apply(set).RunFor(30s);
  const ObjectKey claim = {"default", "data-db-1"};
  const std::string first = cluster_.Get<PersistentVolumeClaim>(claim)->metadata.uid;
  cluster_.Edit<PersistentVolumeClaim>(claim, [](PersistentVolumeClaim& it) {
    it.metadata.finalizers.emplace_back("example.com/held");
  });
  Edit([](StatefulSet& it) { it.spec.replicas = 1; });
  Edit([](StatefulSet& it) { it.spec.replicas = 2; });
  EXPECT_THAT(Names<Pod>(), ElementsAre("db-0")) << "the claim goes with the pod before it";
  cluster_.Edit<PersistentVolumeClaim>(claim, [](PersistentVolumeClaim& it) {
    std::erase(it.metadata.finalizers, "example.com/held");
  });
  cluster_.RunFor(30s);
  ASSERT_THAT(Names<Pod>(), ElementsAre("db-0", "db-1"));
  EXPECT_NE(cluster_.Get<PersistentVolumeClaim>(claim)->metadata.uid, first);
}

class CronJobTest : public StatefulSetTest {
 protected:
  static CronJob CronJobOf(const std::string& policy) {
    CronJob cron_job;
    cron_job.metadata.name = "often";
    cron_job.metadata.namespace_ = "default";
    cron_job.spec.schedule = "* * * * *";
    cron_job.spec.concurrency_policy = policy;
    auto& pod_template = cron_job.spec.job_template.spec.template_;
    FillTemplate(pod_template, "often", "image:1");
    pod_template.spec.restart_policy = "Never";
    pod_template.metadata.annotations["simulation.skiff.io/exit-after"] = "1h";
    return cron_job;
  }
  CronJob Get() { return *cluster_.Get<CronJob>({"default", "often"}); }
  // As its kubelet would when the pod's work is done.
  void EndPods() {
    for (const auto& pod : cluster_.List<Pod>("default")) {
      cluster_.Edit<Pod>(
          KeyOf(pod), [](Pod& it) { it.status.phase = "Succeeded"; }, true);
    }
    cluster_.RunFor(5s);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, CronJobTest, kOrders);

TEST_P(CronJobTest, AJobIsMadeEachMinuteAndOldOnesGo) {
  CronJob cron_job = CronJobOf("Allow");
  cron_job.spec.successful_jobs_history_limit = 2;
  cluster_.Apply(cron_job);
  for (int minute = 0; minute < 5; ++minute) {
    cluster_.RunFor(55s);
    EndPods();
  }
  EXPECT_THAT(Names<Job>(), SizeIs(2));
  EXPECT_TRUE(Get().status.last_schedule_time.has_value());
  EXPECT_TRUE(Get().status.last_successful_time.has_value());
  EXPECT_THAT(Get().status.active, IsEmpty());
}

TEST_P(CronJobTest, ForbidWaitsAndRunsAtOnceWhenTheOtherEnds) {
  pods_start_ = false;
  cluster_.Apply(CronJobOf("Forbid")).RunFor(3min);
  EXPECT_THAT(Names<Job>(), SizeIs(1));
  const auto first = Names<Job>();
  EndPods();
  EXPECT_THAT(Get().status.active, SizeIs(1)) << "the missed run";
  EXPECT_THAT(Names<Job>(), SizeIs(2));
}

TEST_P(CronJobTest, ReplaceEndsTheJobThatRuns) {
  pods_start_ = false;
  cluster_.Apply(CronJobOf("Replace")).RunFor(61s);
  const auto first = Names<Job>();
  ASSERT_THAT(first, SizeIs(1));
  cluster_.RunFor(61s);
  ASSERT_THAT(Names<Job>(), SizeIs(1));
  EXPECT_NE(Names<Job>(), first);
  EXPECT_THAT(Get().status.active, SizeIs(1));
}

TEST_P(CronJobTest, OneThatIsSuspendedMakesNone) {
  CronJob cron_job = CronJobOf("Allow");
  cron_job.spec.suspend = true;
  cluster_.Apply(cron_job).RunFor(5min);
  EXPECT_THAT(Names<Job>(), IsEmpty());
}

TEST_P(CronJobTest, OtherTimesHaveMissedNoRuns) {
  CronJob cron_job = CronJobOf("Allow");
  cron_job.spec.schedule = "0 0 29 2 *";
  cluster_.Apply(cron_job).RunFor(5min);
  // To the middle of a minute.
  cluster_.RunFor(90s - cluster_.clock().Now().time_since_epoch() % Duration(1min));
  ASSERT_THAT(Names<Job>(), IsEmpty());
  cluster_.Edit<CronJob>({"default", "often"}, [](CronJob& it) { it.spec.schedule = "* * * * *"; });
  cluster_.RunFor(5s);
  EXPECT_THAT(Names<Job>(), IsEmpty()) << "that of the last minute";
  cluster_.RunFor(1min);
  EXPECT_THAT(Names<Job>(), SizeIs(1));
}

}  // namespace
}  // namespace skiff
