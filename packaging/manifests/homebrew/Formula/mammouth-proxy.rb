# The headless program: command line and server.
class MammouthProxy < Formula
  desc "Local OpenAI-compatible proxy, answered by your own Mammouth AI accounts"
  homepage "@homepage@"
  version "@version@"
  license "MIT"

  on_macos do
    url "@url macos-universal.app.tar.gz@"
    sha256 "@sha256 macos-universal.app.tar.gz@"
  end

  on_linux do
    on_intel do
      url "@url linux-x86_64.tar.zst@"
      sha256 "@sha256 linux-x86_64.tar.zst@"
    end
    on_arm do
      url "@url linux-aarch64.tar.zst@"
      sha256 "@sha256 linux-aarch64.tar.zst@"
    end
  end

  def install
    if OS.mac?
      bin.install "Contents/MacOS/mammouth-proxy"
    else
      bin.install "bin/mammouth-proxy"
    end
    system bin/"mammouth-proxy", "generate", buildpath/"share"
    man1.install Dir["share/man/man1/*.1"]
    bash_completion.install "share/bash-completion/completions/mammouth-proxy"
    fish_completion.install "share/fish/vendor_completions.d/mammouth-proxy.fish"
    zsh_completion.install "share/zsh/vendor-completions/_mammouth-proxy"
  end

  service do
    run [opt_bin/"mammouth-proxy", "serve"]
    keep_alive crashed: true
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/mammouth-proxy --version")
  end
end
