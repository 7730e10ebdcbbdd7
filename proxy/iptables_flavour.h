// iptables comes twice: as a front to nftables ("nft") and with the kernel's older tables
// ("legacy"). Rules of both are in force at once, so a machine must keep to one of them. This finds
// out to which, by the same signs as Kubernetes' iptables-wrapper.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/process.h"
#include "proxy/service_map.h"

namespace skiff::proxy {

enum class IptablesFlavour : uint8_t { kAuto, kNft, kLegacy };

// "auto", "nft" or "legacy"; Invalid for anything else.
Result<IptablesFlavour> ParseIptablesFlavour(const std::string& text);
std::string FlavourText(IptablesFlavour flavour);

// The machine as the choice sees it; the real one by default.
struct IptablesHost {
  std::function<bool(const std::string& program)> has = [](const std::string& program) {
    return FindProgram(program).has_value();
  };
  std::function<Result<ProcessOutput>(const ProcessSpec& spec)> run = RunProcess;
};

// The one that is in use here: where a chain stands that only Kubernetes' programs make, or else
// where there are more rules; nft when neither has any. Reading the older tables makes none.
IptablesFlavour FlavourInUse(const IptablesHost& host);

// The program to use for a family, "iptables-nft" or such; its "-save" and "-restore" are there as
// well, and it has been seen to read the kernel's tables. With kAuto the flavour in use, and if
// that does not work the other one. Errors say what each lacks and how to mend it.
Result<std::string> ChooseIptables(IpFamily family, IptablesFlavour wanted,
                                   const IptablesHost& host = {});

// All programs of the family that are installed: what a cleanup has to look through.
std::vector<std::string> InstalledIptables(IpFamily family, const IptablesHost& host = {});

}  // namespace skiff::proxy
