// A request that is kept until its turn. Internal to the entrance.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "apiserver/flow_control/entrance.h"
#include "apiserver/request/late_answer.h"

namespace skiff::flow_control {

struct Waiter : Turn {
  // kNew ─ Start ─> kWaiting ─ its turn ─> kBegun
  //   either of them ─ refused, or its client left ─> kGone
  enum class State : uint8_t { kNew, kWaiting, kBegun, kGone };

  Waiter(Turn turn, const Question& question);

  // Those that never change once it is kept:
  std::shared_ptr<const Configuration> configuration;
  const Target* target = nullptr;
  bool is_watch = false;
  const http::Request request;
  const RequestInfo info;
  const std::string user;
  std::string distinguisher;
  size_t bytes = 0;
  Entrance::Run run;
  http::Reply reply;
  LateAnswer late;

  // The entrance's, under its mutex:
  State state = State::kNew;
  Duration deadline = kNever;
  std::multimap<Duration, std::shared_ptr<Waiter>>::iterator place = {};  // Of kWaiting.
};

}  // namespace skiff::flow_control
