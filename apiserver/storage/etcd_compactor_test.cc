#include "apiserver/storage/etcd_compactor.h"

#include <gtest/gtest.h>

#include "apiserver/storage/etcd_test_host.h"

namespace skiff {
namespace {

class EtcdCompactorTest : public testing::Test {
 protected:
  EtcdCompactorTest() {
    for (auto* store : {&a_, &b_}) *store = OpenEtcdStore({.client = host_.Client()}, system_);
  }
  Revision Put() { return a_->Apply({.key = "/registry/pods/x", .value = "v"})->revision; }
  // One period of both.
  void Pass(EtcdCompactor& first, EtcdCompactor& second) {
    clock_.Advance(5min);
    EXPECT_GT(first.Step(), 0s);
    EXPECT_GT(second.Step(), 0s);
  }
  bool Readable(Revision revision) { return b_->Get("/registry/pods/x", revision).has_value(); }

  EtcdHost host_;
  SystemClock system_;
  FakeClock clock_;
  std::unique_ptr<EtcdStore> a_;
  std::unique_ptr<EtcdStore> b_;
};

TEST_F(EtcdCompactorTest, OneOfTwoServersCompactsWhatIsAPeriodOld) {
  EtcdCompactor a(*a_, clock_, 5min);
  EtcdCompactor b(*b_, clock_, 5min);
  const Revision oldest = Put();
  const Revision old = Put();
  EXPECT_GT(a.Step(), 0s);
  EXPECT_TRUE(Readable(oldest)) << "nothing happens at once";
  Pass(a, b);
  EXPECT_TRUE(Readable(oldest)) << "they only look at first";
  const Revision recent = Put();
  Pass(a, b);
  EXPECT_FALSE(Readable(oldest));
  EXPECT_EQ(b_->Get("/registry/pods/x", oldest).error().reason, Reason::kExpired);
  EXPECT_GE(a_->Compacted(), old);
  EXPECT_TRUE(Readable(recent));
  // The key's version counts the turns that were taken: one a period.
  etcd::RangeRequest request;
  request.set_key(std::string(kEtcdCompactedKey));
  EXPECT_EQ(a_->client().Range(request)->kvs(0).version(), 2);
}

TEST_F(EtcdCompactorTest, TheOtherGoesOnWhenOneEnds) {
  EtcdCompactor b(*b_, clock_, 5min);
  {
    EtcdCompactor a(*a_, clock_, 5min);
    Pass(a, b);
    Pass(a, b);
  }
  const Revision old = Put();
  Put();
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(5min);
    b.Step();
  }
  EXPECT_FALSE(Readable(old));
}

TEST_F(EtcdCompactorTest, APeriodOfZeroNeverCompacts) {
  EtcdCompactor a(*a_, clock_, 0s);
  clock_.Advance(1h);
  EXPECT_EQ(a.Step(), kNever);
}

}  // namespace
}  // namespace skiff
