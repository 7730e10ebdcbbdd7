// The ports of simulated containers, over SPDY or WebSocket as kubelets forward them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace skiff::kubelet {

// Each connection gets what `answer` says to its first bytes, a whole head where they are HTTP, and
// ends.
using PortAnswer = std::function<std::string(const std::string& port, std::string_view bytes)>;
http::Response AnswerSimulatedForward(const http::Request& request, PortAnswer answer);

}  // namespace skiff::kubelet
