#include "apiserver/flow_control/work_estimate.h"

#include <charconv>
#include <cmath>

namespace skiff::flow_control {
namespace {

constexpr int kRequestSeatsMax = 10;
constexpr double kObjectsPerSeat = 100;
constexpr double kWatchersPerSeat = 10;
constexpr Duration kEventTime = 5ms;  // That a seat of a change's watchers is held.

bool AsksFor(const http::Request& request, std::string_view parameter) {
  const auto value = request.Query(parameter);
  return value && !value->empty();
}

int64_t LimitOf(const http::Request& request) {
  const auto text = request.Query("limit");
  int64_t limit = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), limit);
  return limit;
}

// Whether what is stored is paged through, as against listed whole from memory.
bool IsPaged(const http::Request& request, int64_t limit) {
  const auto match = request.Query("resourceVersionMatch").value_or("");
  return AsksFor(request, "continue") || match == "Exact" ||
         (limit > 0 && request.Query("resourceVersion").value_or("") != "0");
}

Work List(const RequestInfo& info, const http::Request& request, const KindFacts& facts,
          int seats_max) {
  if (!info.name.empty()) return {};
  const bool watches = info.verb == "watch";
  if (watches) {
    const auto initial = request.Query("sendInitialEvents");
    if (!initial || !QueryIsTrue(*initial)) return {};
  }
  const int64_t stored = facts.objects();
  if (stored < 0) return {.initial_seats = seats_max};
  const int64_t limit = LimitOf(request);
  const int64_t page = limit > 0 ? std::min(limit, stored) : stored;
  int64_t objects = stored;
  if (!watches && IsPaged(request, limit)) {
    const bool selects = AsksFor(request, "labelSelector") || AsksFor(request, "fieldSelector");
    objects = selects ? stored + page : 2 * page;
  }
  const double seats = std::ceil(static_cast<double>(objects) / kObjectsPerSeat);
  return {.initial_seats = static_cast<int>(std::clamp<double>(seats, 1, seats_max))};
}

Work Write(const RequestInfo& info, const KindFacts& facts, int seats_max) {
  // Nobody hears of a token.
  if (info.resource == "serviceaccounts" && info.subresource == "token") return {};
  const auto watchers = static_cast<double>(facts.watchers());
  // Few of them are no work worth counting, and counting it would delay nearly every write.
  if (watchers < kWatchersPerSeat) return {};
  const double wanted = std::ceil(watchers / kWatchersPerSeat);
  const double seats = std::min<double>(wanted, seats_max);
  // Fewer seats for longer are the same work.
  const auto after = std::chrono::duration_cast<Duration>(kEventTime * (wanted / seats));
  return {.final_seats = static_cast<int>(seats), .after = after};
}

}  // namespace

Work EstimateWork(const RequestInfo& info, const http::Request& request, const KindFacts& facts,
                  int seats_max) {
  if (!info.is_resource) return {};
  seats_max = std::clamp(seats_max, 1, kRequestSeatsMax);
  const std::string& verb = info.verb;
  if (verb == "list" || verb == "watch") return List(info, request, facts, seats_max);
  if (verb == "create" || verb == "update" || verb == "patch" || verb == "delete") {
    return Write(info, facts, seats_max);
  }
  return {};
}

}  // namespace skiff::flow_control
