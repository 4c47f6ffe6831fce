#include "apps/quantize.h"

#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "apps/scoring.h"
#include "quantize_script.h"
#include "skylift/core/error.h"
#include "skylift/core/stop_signal.h"
#include "skylift/infer/predictor.h"
#include "skylift/train/validation.h"

namespace skylift {
namespace {

EvalResult score(const std::filesystem::path& file, const Dataset& set) {
  const Predictor predictor(file.string());
  DetectedSet detected = detect(predictor, set, {.decode = trained_decode(predictor.card(), file.string())});
  return score_and_print(detected.truth, detected.detections, {});
}

}  // namespace

void quantise(const std::filesystem::path& source, const std::filesystem::path& out) {
  const char* chosen = std::getenv("SKYLIFT_PYTHON");
  const std::string python = chosen ? chosen : "python3", from = source.string(), to = out.string();
  const char* arguments[] = {python.c_str(), "-c", quantize_script, from.c_str(), to.c_str(), nullptr};
  pid_t child = 0;
  const int failure = ::posix_spawnp(&child, python.c_str(), nullptr, nullptr, const_cast<char**>(arguments), environ);
  if (failure != 0)
    throw Error("--precision int8: cannot run {}: {} (hint: SKYLIFT_PYTHON names a Python with nncf and onnx)", python,
                std::strerror(failure));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error("--precision int8: {}: {}", python, std::strerror(errno));
  }
  throw_if_stopped();
  if (status != 0)
    throw Error(
        "--precision int8: {} did not quantise the model, its lines are above (hint: it needs `pip install nncf onnx "
        "onnxruntime`; scripts/quantize.sh makes such a Python and calls this)",
        python);
}

void print_accuracy_lost(const std::filesystem::path& float_file, const std::filesystem::path& int8_file,
                         const Dataset& set) {
  fmt::print("\nfloat\n");
  const EvalMeans before = score(float_file, set).means;
  fmt::print("\nint8\n");
  const EvalMeans after = score(int8_file, set).means;
  fmt::print("\nint8 lost {:.2f} AP, {:.2f} AP50, {:.2f} AP75\n", 100 * (before.ap - after.ap),
             100 * (before.ap50 - after.ap50), 100 * (before.ap75 - after.ap75));
}

}  // namespace skylift
