; The Windows installer: makensis -DVERSION=1.2.3 -DIDENTIFIER=… -DFILES=folder -DOUT=setup.exe installer.nsi
; With -DSIGN=command, the command signs installer and uninstaller: it gets the file's path as its last argument.
; It installs for the current user and needs no administrator. /S installs and uninstalls without a question.
Target amd64-unicode
Unicode true
!ifndef COMPRESSOR
  !define COMPRESSOR "/SOLID lzma"
!endif
SetCompressor ${COMPRESSOR}
!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh

!define NAME "Mammouth Proxy"
!define DESKTOP mammouth-proxy-desktop.exe
!define HEADLESS mammouth-proxy.exe
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
!define RUN_KEY "Software\Microsoft\Windows\CurrentVersion\Run"
!define APPROVED_KEY "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
; Where the WebView2 runtime notes its version, for the machine and for the user (Microsoft's documentation of its
; distribution), and the address of its small installer.
!define WEBVIEW_KEY "Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"
!define WEBVIEW_LINK "https://go.microsoft.com/fwlink/p/?LinkId=2124703"

Name "${NAME}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
InstallDirRegKey HKCU "${UNINSTALL_KEY}" InstallLocation
VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "${NAME}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Installs ${NAME}"
VIAddVersionKey LegalCopyright "MIT licence"
!ifdef SIGN
  !finalize '${SIGN} "%1"'
  !uninstfinalize '${SIGN} "%1"'
!endif

!define MUI_ICON ../../icons/icon.ico
!define MUI_UNICON ../../icons/icon.ico
!insertmacro MUI_PAGE_LICENSE ../../LICENSE
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_RUN "$INSTDIR\${DESKTOP}"
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English
!insertmacro MUI_LANGUAGE French
!insertmacro MUI_LANGUAGE SimpChinese

LangString NO_WEBVIEW ${LANG_ENGLISH} "The window of ${NAME} needs Microsoft Edge WebView2, which this computer does not have. Without it the proxy works, and its pages open in the browser.$\n$\nGet WebView2 from Microsoft now?"
LangString NO_WEBVIEW ${LANG_FRENCH} "La fenêtre de ${NAME} a besoin de Microsoft Edge WebView2, que cet ordinateur n’a pas. Sans lui, le proxy fonctionne et ses pages s’ouvrent dans le navigateur.$\n$\nObtenir WebView2 auprès de Microsoft maintenant ?"
LangString NO_WEBVIEW ${LANG_SIMPCHINESE} "${NAME} 的窗口需要 Microsoft Edge WebView2，而此计算机上没有。没有它代理也能工作，页面会在浏览器中打开。$\n$\n现在从 Microsoft 获取 WebView2 吗？"

; Ends what runs: replies in flight get their time first. A program of another folder, or a demo, is ended at once.
!macro END_RUNNING
  ${If} ${FileExists} "$INSTDIR\${HEADLESS}"
    nsExec::Exec /TIMEOUT=25000 '"$INSTDIR\${HEADLESS}" stop'
    Pop $0
  ${EndIf}
  nsExec::Exec 'taskkill /F /IM ${DESKTOP}'
  Pop $0
  nsExec::Exec 'taskkill /F /IM ${HEADLESS}'
  Pop $0
!macroend

Section
  !insertmacro END_RUNNING
  SetOutPath $INSTDIR
  File "${FILES}/*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\${DESKTOP}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" DisplayName "${NAME}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" DisplayVersion "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" DisplayIcon "$\"$INSTDIR\${DESKTOP}$\""
  WriteRegStr HKCU "${UNINSTALL_KEY}" InstallLocation "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" UninstallString "$\"$INSTDIR\uninstall.exe$\""
  WriteRegStr HKCU "${UNINSTALL_KEY}" QuietUninstallString "$\"$INSTDIR\uninstall.exe$\" /S"
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" NoModify 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" NoRepair 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  IntFmt $0 "0x%08X" $0
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" EstimatedSize "$0"
  Call OfferWebView
SectionEnd

; Says what is missing, and opens Microsoft's page where the user wants that. A silent installation asks nothing.
Function OfferWebView
  ReadRegStr $0 HKLM "Software\WOW6432Node\${WEBVIEW_KEY}" pv
  ${If} $0 == ""
    ReadRegStr $0 HKCU "Software\${WEBVIEW_KEY}" pv
  ${EndIf}
  ${If} $0 == ""
  ${OrIf} $0 == "0.0.0.0"
    DetailPrint "Microsoft Edge WebView2: ${WEBVIEW_LINK}"
    MessageBox MB_YESNO|MB_ICONINFORMATION "$(NO_WEBVIEW)" /SD IDNO IDNO done
    ExecShell open "${WEBVIEW_LINK}"
    done:
  ${EndIf}
FunctionEnd

; Leaves the data directory alone, which is below "$LOCALAPPDATA\mammouth-proxy".
Section Uninstall
  !insertmacro END_RUNNING
  Delete "$INSTDIR\${DESKTOP}"
  Delete "$INSTDIR\${HEADLESS}"
  Delete "$INSTDIR\WebView2Loader.dll"
  Delete "$INSTDIR\LICENSE.txt"
  Delete "$INSTDIR\THIRD-PARTY-NOTICES.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\${NAME}.lnk"
  ; The position of the window, and what WebView2 keeps.
  RMDir /r "$APPDATA\${IDENTIFIER}"
  RMDir /r "$LOCALAPPDATA\${IDENTIFIER}"
  DeleteRegValue HKCU "${RUN_KEY}" "${NAME}"
  DeleteRegValue HKCU "${APPROVED_KEY}" "${NAME}"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
SectionEnd
