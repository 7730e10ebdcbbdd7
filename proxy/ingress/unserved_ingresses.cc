#include "proxy/ingress/unserved_ingresses.h"

#include <utility>

namespace skiff::ingress {

UnservedIngresses::UnservedIngresses(const IngressLoop::Dependencies& dependencies,
                                     std::string address, std::string why)
    : dependencies_(dependencies),
      ingresses_(dependencies.informers.For<networking_v1::Ingress>()),
      classes_(dependencies.informers.For<networking_v1::IngressClass>()),
      address_(std::move(address)),
      why_(std::move(why)) {
  for (InformerCache* cache : {&ingresses_.cache(), &classes_.cache()}) {
    cache->OnSynced([this] { Wake(); });
  }
  if (why_.empty()) return;
  ingresses_.OnChange([this](const auto&, const auto&) { Wake(); });
  classes_.OnChange([this](const auto&, const auto&) { Wake(); });
}

Duration UnservedIngresses::Step() {
  if (!ingresses_.synced() || !classes_.synced()) return kNever;
  const IngressClaim ours(kIngressController, classes_.List());
  if (!why_.empty()) Tell(ours);
  if (withdrawn_) return kNever;
  const Duration next = Withdraw(ours);
  withdrawn_ = next == kNever;
  return next;
}

Duration UnservedIngresses::Withdraw(const IngressClaim& ours) {
  const Duration now = dependencies_.clock.Monotonic();
  std::set<ObjectKey> saying;
  for (const auto& ingress : ingresses_.List()) {
    if (ingress->status.load_balancer.ingress.empty()) continue;
    // Of a class that is ours nobody else writes. This machine may have had another address then.
    const bool is_named = !ClassOfIngress(*ingress).empty() && ours.Has(*ingress);
    if (!is_named && !IsServedAt(*ingress, address_)) continue;
    const ObjectKey key = KeyOf(*ingress);
    saying.insert(key);
    if (!unwritten_.MayTry(key, now)) continue;
    const auto written = dependencies_.client.PatchStatus(
        *ingress, [](networking_v1::Ingress& it) { it.status.load_balancer.ingress.clear(); },
        {.if_unchanged = true});
    if (written || written.error().reason == Reason::kNotFound) {
      unwritten_.NoteWritten(key);
      continue;
    }
    const bool is_news = unwritten_.NoteFailed(key, written.error().message);
    // Another version comes by the informer.
    if (!is_news || written.error().reason == Reason::kConflict) continue;
    log_.Error("an ingress goes on to say that it is served here",
               {{"ingress", key.Text()}, {"error", written.error().message}});
  }
  unwritten_.KeepOnly(saying);
  return unwritten_.Next(now);
}

void UnservedIngresses::Tell(const IngressClaim& ours) {
  std::set<std::string> there;
  for (const auto& ingress : ingresses_.List()) {
    if (!ours.Has(*ingress)) continue;
    there.insert(ingress->metadata.uid);
    if (told_.contains(ingress->metadata.uid)) continue;
    dependencies_.events.Warning(*ingress, "NotServed", why_);
  }
  told_ = std::move(there);
}

}  // namespace skiff::ingress
