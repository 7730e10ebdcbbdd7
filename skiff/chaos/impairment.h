// What becomes of a packet on a bad link: netem's decisions, as a pure function of time and chance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"

namespace skiff::chaos {

struct Impairment {
  Duration delay = Duration(0);
  Duration jitter = Duration(0);  // The delay varies so much either way, evenly.
  double loss = 0;                // Percent, as the two below.
  double duplicate = 0;
  double reorder = 0;     // Goes at once, past those that are delayed.
  int64_t rate_bits = 0;  // A second; 0: as fast as it comes.
  bool operator==(const Impairment&) const = default;
};

// "10kbit", "1.5mbit", "1gbit": bits a second.
Result<int64_t> ParseRate(const std::string& text);
// "5%" or "5": percent, 0 to 100.
Result<double> ParsePercent(const std::string& text);
// The words of a netem line, "delay 100ms 10ms loss 5%"; "" for none.
std::string ImpairmentText(const Impairment& impairment);

struct Fate {
  bool is_lost = false;
  bool is_doubled = false;
  Duration due = Duration(0);  // When it goes on: on the clock that `now` is of.
};

// Remembers when the link is free again. One thread.
class Impaired {
 public:
  Impaired(const Impairment& impairment, Random& random)
      : impairment_(impairment), random_(random) {}
  Fate Decide(Duration now, int64_t bytes);

 private:
  bool Happens(double percent);
  const Impairment impairment_;
  Random& random_;
  Duration free_at_ = Duration(0);
};

}  // namespace skiff::chaos
