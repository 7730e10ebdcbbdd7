// A program of Kubernetes' that runs within another process, as its port shows it: it comes and
// goes, with a lease or with the process, while the port stays.
//
//   ProgramRun run;
//   run.Show({.metrics = &metrics});    // Once it runs.
//   run.Hide();                         // It ends; waits for nobody.
//   run.Close();                        // Before what it showed is destroyed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class ProgramRun {
 public:
  // Asked on any thread, from Show until Close.
  struct Shown {
    const MetricRegistry* metrics = nullptr;
    const MetricRegistry* resources = nullptr;  // Null: it has none.
    std::function<bool()> is_synced = nullptr;  // Null: it always is.
    std::function<bool()> leads = nullptr;      // Null: it always does.
  };
  // What was shown before has been closed.
  void Show(Shown shown);
  // Who asks from now on is told of nothing. None may be shown.
  void Hide();
  // Hides it, and returns once nobody asks it any more.
  void Close();

  // What is told at "/metrics" and "/metrics/resources"; "" while nothing is shown.
  std::string TextAt(const std::string& path) const;
  // Whether something is shown that knows all that it goes by, or that leads.
  bool IsSynced() const;
  bool Leads() const;

 private:
  class Look;

  mutable Mutex mutex_;
  mutable CondVar left_;
  mutable int looking_ GUARDED_BY(mutex_) = 0;
  std::optional<Shown> shown_ GUARDED_BY(mutex_);
};

}  // namespace skiff
