#include "skiff/chaos/impairment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/flags.h"

namespace skiff::chaos {
namespace {

// A number that is not negative, and what follows it.
std::optional<double> LeadingNumber(const std::string& text, std::string& rest) {
  if (text.empty() || text.find_first_not_of("0123456789.") == 0) return std::nullopt;
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string number = text.substr(0, digits);
  if (std::count(number.begin(), number.end(), '.') > 1 || number == ".") return std::nullopt;
  rest = text.substr(digits);
  return std::strtod(number.c_str(), nullptr);
}

std::string PercentText(double percent) {
  return fmt::format("{:g}%", percent);
}

std::string RateText(int64_t bits) {
  if (bits % 1'000'000'000 == 0) return fmt::format("{}gbit", bits / 1'000'000'000);
  if (bits % 1'000'000 == 0) return fmt::format("{}mbit", bits / 1'000'000);
  if (bits % 1000 == 0) return fmt::format("{}kbit", bits / 1000);
  return fmt::format("{}bit", bits);
}

}  // namespace

Result<int64_t> ParseRate(const std::string& text) {
  constexpr double kRateMax = 100e9;
  std::string unit;
  const auto number = LeadingNumber(text, unit);
  const double factor = unit == "bit"    ? 1
                        : unit == "kbit" ? 1e3
                        : unit == "mbit" ? 1e6
                        : unit == "gbit" ? 1e9
                                         : 0;
  const double rate = number.value_or(0) * factor;
  if (rate >= 1000 && rate <= kRateMax) return static_cast<int64_t>(rate);
  return Fail(Reason::kInvalid,
              fmt::format("\"{}\" is no rate between 1kbit and 100gbit: a number and bit, kbit, "
                          "mbit or gbit, as in 1mbit",
                          text));
}

Result<double> ParsePercent(const std::string& text) {
  std::string rest;
  const auto number = LeadingNumber(text, rest);
  if (number && *number <= 100 && (rest.empty() || rest == "%")) return *number;
  return Fail(Reason::kInvalid,
              fmt::format("\"{}\" is no share between 0% and 100%, as in 5%", text));
}

std::string ImpairmentText(const Impairment& of) {
  std::string text;
  const auto add = [&](const std::string& words) { text += (text.empty() ? "" : " ") + words; };
  if (of.delay > 0ns) add("delay " + GoDurationText(of.delay));
  if (of.jitter > 0ns) add(GoDurationText(of.jitter));
  if (of.loss > 0) add("loss " + PercentText(of.loss));
  if (of.duplicate > 0) add("duplicate " + PercentText(of.duplicate));
  if (of.reorder > 0) add("reorder " + PercentText(of.reorder));
  if (of.rate_bits > 0) add("rate " + RateText(of.rate_bits));
  return text;
}

bool Impaired::Happens(double percent) {
  return percent > 0 && random_.Fraction() * 100 < percent;
}

Fate Impaired::Decide(Duration now, int64_t bytes) {
  if (Happens(impairment_.loss)) return {.is_lost = true};
  Fate fate{.is_doubled = Happens(impairment_.duplicate), .due = now};
  if (Happens(impairment_.reorder)) return fate;
  if (impairment_.rate_bits > 0) {
    const double rate = static_cast<double>(impairment_.rate_bits);
    const double seconds = static_cast<double>(bytes * 8) / rate;
    free_at_ = std::max(free_at_, now) + Duration(static_cast<int64_t>(seconds * 1e9));
    fate.due = free_at_;
  }
  fate.due += impairment_.delay;
  if (impairment_.jitter > 0ns) {
    const double either_way = random_.Fraction() * 2 - 1;
    const double jitter = static_cast<double>(impairment_.jitter.count());
    fate.due += Duration(static_cast<int64_t>(either_way * jitter));
  }
  fate.due = std::max(fate.due, now);
  return fate;
}

}  // namespace skiff::chaos
