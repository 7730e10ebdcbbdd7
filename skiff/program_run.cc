#include "skiff/program_run.h"

#include <utility>

namespace skiff {

// Somebody who looks at what is shown, if anything is, for as long as this is there.
class ProgramRun::Look {
 public:
  explicit Look(const ProgramRun& run) : run_(run) {
    const MutexLock lock(run_.mutex_);
    shown_ = run_.shown_;
    if (shown_) ++run_.looking_;
  }
  ~Look() {
    if (!shown_) return;
    const MutexLock lock(run_.mutex_);
    if (--run_.looking_ == 0) run_.left_.notify_all();
  }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;

  const std::optional<Shown>& shown() const { return shown_; }

 private:
  const ProgramRun& run_;
  std::optional<Shown> shown_;
};

void ProgramRun::Show(Shown shown) {
  const MutexLock lock(mutex_);
  shown_ = std::move(shown);
}

void ProgramRun::Hide() {
  const MutexLock lock(mutex_);
  shown_.reset();
}

void ProgramRun::Close() {
  MutexLock lock(mutex_);
  shown_.reset();
  while (looking_ > 0) left_.wait(lock);
}

std::string ProgramRun::TextAt(const std::string& path) const {
  const Look look(*this);
  if (!look.shown()) return "";
  const MetricRegistry* const registry =
      path == "/metrics/resources" ? look.shown()->resources : look.shown()->metrics;
  return registry == nullptr ? "" : registry->Text();
}

bool ProgramRun::IsSynced() const {
  const Look look(*this);
  return look.shown() && (!look.shown()->is_synced || look.shown()->is_synced());
}

bool ProgramRun::Leads() const {
  const Look look(*this);
  return look.shown() && (!look.shown()->leads || look.shown()->leads());
}

}  // namespace skiff
