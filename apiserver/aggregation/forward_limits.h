// What requests that are passed on to one other API server may hold and take.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace skiff {

// Of one APIService.
struct ForwardLimits {
  int waiting_max = 256;
  size_t waiting_bytes_max = size_t{64} << 20;  // Who is alone may bring what he likes.
  int answering_max = 4096;
  size_t answer_buffer_bytes = 64 << 10;        // Of each that is under way.
  // To an answer that is not there at the end of these: as long as --request-timeout of
  // kube-apiserver is by default.
  Duration connect_time = 4s;
  Duration head_time = 60s;
  Duration discovery_head_time = 5s;
  // By when an answer that is no watch has to be over.
  std::chrono::seconds answer_time{60};
  // Of an answer to a caller in this process, who gets it whole.
  size_t collected_bytes_max = size_t{32} << 20;
};

}  // namespace skiff
