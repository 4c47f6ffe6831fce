// How often a step and its GPU would wait for each other: numbers that are read on the host, extents that depend on
// values, tensors that go from one device to the other with a wait. Counted on the CPU by the operators that do such
// things, so that one more is noticed where there is no GPU. What is expected is what was counted: take away what goes.
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "tests/train/kd_run.h"

namespace skylift {
namespace {

/// Counts while it lives.
class WaitCounter {
 public:
  WaitCounter() {
    counts().clear();
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
          const auto name = function.operator_name();
          if (!name) return nullptr;
          static const std::vector<std::string> waiting = {"aten::_local_scalar_dense",
                                                           "aten::nonzero",
                                                           "aten::masked_select",
                                                           "aten::_unique2",
                                                           "aten::equal",
                                                           "aten::bincount",
                                                           "aten::repeat_interleave"};
          const bool moves = name->name == "aten::to" && name->overload_name == "dtype_layout";
          if (!moves && std::ranges::find(waiting, name->name) == waiting.end()) return nullptr;
          const std::lock_guard lock(mutex());
          ++counts()[moves ? "to a device" : name->name.substr(6)];
          return nullptr;
        }));
  }
  ~WaitCounter() { at::removeCallback(handle_); }
  WaitCounter(const WaitCounter&) = delete;
  WaitCounter& operator=(const WaitCounter&) = delete;

  static const std::map<std::string, int>& found() { return counts(); }

 private:
  static std::map<std::string, int>& counts() {
    static std::map<std::string, int> counts;
    return counts;
  }
  static std::mutex& mutex() {
    static std::mutex mutex;
    return mutex;
  }
  at::CallbackHandle handle_;
};

std::map<std::string, int> waits_of(const std::string& method, int images) {
  const int classes = static_cast<int>(synth_classes().size());
  const RunOptions options = testing::small_run({method}, false);
  testing::KdRun run(options, testing::lively_teacher(16, classes), classes);
  const PackedBatch packed = testing::packed_batch(images, options.data.input);
  run.step(packed.unpacked());  // what happens once
  const WaitCounter counter;
  // Without the optimizer, whose kernel on the CPU reads its count for each tensor.
  const LossTerms terms = run.terms(packed.unpacked());
  total_of(terms).backward();
  loss_values({terms});
  return counter.found();
}

using Waits = std::map<std::string, int>;

TEST(Synchronisations, AStepHasTheseWhateverTheBatch) {
  for (const int images : {2, 8}) {
    SCOPED_TRACE(images);
    EXPECT_EQ(waits_of("bckd", images), (Waits{{"bincount", 1}, {"nonzero", 1}, {"to a device", 3}}));
    EXPECT_EQ(waits_of("cid", images), (Waits{{"bincount", 2}, {"to a device", 11}}));
    EXPECT_EQ(waits_of("pkd", images), (Waits{{"to a device", 2}}));
  }
}

}  // namespace
}  // namespace skylift
