import AdapterCommands

@main
enum Main {
    static func main() {
        Adapterctl.runAndExit()
    }
}
