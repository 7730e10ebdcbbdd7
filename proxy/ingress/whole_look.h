// A plan that has looked at all that it names. What changed of an object before anybody knew that
// the plan looks at it woke nobody: so who finds that he looks at more than before looks again.
#pragma once

namespace skiff::ingress {

// `remember` says of a plan whether it looks at more than the one before. Whoever may write one
// Ingress can have it name another Service each time; so a second plan is taken as it is, and
// `look_again` is asked for a later one: nobody else waits for what goes on without end.
template <typename MakePlan, typename Remember, typename LookAgain>
auto PlanAllSeen(const MakePlan& make_plan, const Remember& remember, const LookAgain& look_again) {
  auto plan = make_plan();
  if (!remember(plan)) return plan;
  plan = make_plan();
  if (remember(plan)) look_again();
  return plan;
}

}  // namespace skiff::ingress
